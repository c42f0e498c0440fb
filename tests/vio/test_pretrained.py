"""Models on disk."""

from __future__ import annotations

import json
import sys

import pytest
import torch

import vio
from tests.vio.models import IMAGE_ARCHITECTURES, fresh, images, miniature
from vio import pretrained
from vio.model import VIO


@pytest.mark.parametrize("architecture", IMAGE_ARCHITECTURES)
def test_what_was_saved_comes_back(architecture, tmp_path):
    model, x = miniature(architecture), images(2, 3, 64, 96)
    model.save_pretrained(tmp_path / "new" / "folder")
    back = type(model).from_pretrained(str(tmp_path / "new" / "folder"))
    assert type(back) is type(model) and back.config == model.config and not back.training
    assert torch.equal(back(x), model(x))
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == ["config.json", "model.safetensors"]


def test_any_layout_classifier_and_fused_form_is_kept(tmp_path):
    model, x = fresh("vio_nano").to(memory_format=torch.channels_last), images(1, 3, 64, 96)
    model.reset_classifier(3)
    model.eval().fuse()
    model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    back = vio.from_pretrained(tmp_path)
    assert back.num_classes == 3 and torch.equal(back(x), model(x))
    back.save_pretrained(tmp_path)
    assert torch.equal(vio.from_pretrained(tmp_path)(x), model(x))


@pytest.fixture
def folder(tmp_path):
    miniature("vio").save_pretrained(tmp_path)
    return tmp_path


def _edit_config(folder, change):
    """Change the description in both files alike."""
    from safetensors.torch import load_file, save_file

    description = json.loads((folder / "config.json").read_text())
    change(description)
    (folder / "config.json").write_text(json.dumps(description))
    weights = load_file(folder / "model.safetensors")
    save_file(weights, folder / "model.safetensors", metadata={"vio": json.dumps(description)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["config"].update(depht=1), "config.json: depht: unknown key"),
        (lambda d: d["config"].update(architecture="via"), "unknown architecture 'via'; did you mean 'vio'"),
        (lambda d: d["config"].update(architecture=["vio"]), r"unknown architecture \['vio'\]"),
        (lambda d: d["config"].update(num_classes=-1), "num_classes: must be 0 or more"),
        (lambda d: d["config"].update(num_classes=2**31 - 1), r"does not have the weights of the VIO.*fc\.weight"),
        (lambda d: d["config"].update(num_features=2**31 - 1, num_classes=2**31 - 1), "config.json: no model can be"),
        (lambda d: d["config"].pop("architecture"), "'architecture' is missing"),
        (
            lambda d: d["config"].update(num_classes=7),
            r"model.safetensors does not have the weights of the VIO.*fc.*\(5,",
        ),
        (lambda d: d["config"].update(num_classes=0), r"fc\.bias is not a part of it, fc\.weight is not"),
        (lambda d: d.update(fused=True), "does not have the weights of the VIO.*and [0-9]+ more"),
        (lambda d: d.update(format=2), "config.json: format 2 is not 1: update vio"),
        (lambda d: d.pop("config"), "config.json: 'config' and 'fused'"),
    ],
)
def test_a_configuration_that_does_not_fit_is_explained(folder, change, message):
    _edit_config(folder, change)
    with pytest.raises(ValueError, match=message):
        vio.from_pretrained(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, "config.json can't be read.*No such file.*is it a folder that save_pretrained wrote"),
        ("model.safetensors", None, "model.safetensors can't be read"),
        ("config.json", b"{", "config.json: not JSON"),
        ("config.json", b"[]", "config.json: expected a mapping"),
        ("config.json", b"[" * 100_000, "config.json: not JSON"),
        ("model.safetensors", b"\x80\x04K\x01.", "model.safetensors: not a whole safetensors file"),
        ("model.safetensors", b"", "model.safetensors: not a whole safetensors file"),
    ],
)
def test_a_missing_or_damaged_file_is_explained(folder, file, content, message):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        vio.from_pretrained(folder)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool])
def test_weights_that_are_no_fractions_are_refused(folder, dtype):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["fc.weight"] = weights["fc.weight"].to(dtype)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ValueError, match=f"fc.weight holds {dtype} for torch.float32"):
        vio.from_pretrained(folder)


def test_a_damaged_description_of_weights_is_explained(folder):
    from safetensors.torch import load_file, save_file

    save_file(load_file(folder / "model.safetensors"), folder / "model.safetensors", metadata={"vio": "{"})
    with pytest.raises(ValueError, match=r"model\.safetensors: not JSON"):
        vio.from_pretrained(folder)


def test_a_cut_off_file_of_weights_is_explained(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        vio.from_pretrained(folder)


def test_files_of_two_models_are_not_mixed(folder):
    weights = (folder / "model.safetensors").read_bytes()
    model = fresh("vio_nano", in_chans=1)
    model.save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match=r"was not saved with the config\.json beside it"):
        vio.from_pretrained(folder)


def test_a_model_of_another_class_is_named(folder):
    class Other(VIO):
        pass

    with pytest.raises(ValueError, match=r"holds a VIO, not a Other: use vio\.from_pretrained"):
        Other.from_pretrained(folder)


def test_a_model_without_its_parts_is_not_saved(tmp_path):
    model = fresh("vio_nano")
    model.prune_intermediate_layers([0])
    with pytest.raises(ValueError, match="this VIO does not have the weights of the VIO that its configuration"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_failed_save_leaves_the_old_files(folder, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def no_space(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(pretrained.os, "fsync", no_space)
    with pytest.raises(OSError, match="no space left"):
        fresh("vio_nano").save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_without_safetensors_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    for call in (lambda: vio.from_pretrained(folder), lambda: miniature("vio").save_pretrained(folder)):
        with pytest.raises(ImportError, match="pip install safetensors"):
            call()
