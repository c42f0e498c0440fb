from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

import vio
from baselines import catalogue
from baselines.errors import UsageError
from vio.backbone import Backbone
from vio.configs import ARCHITECTURES, load_attribute, load_config, override


def test_every_model_of_the_size_classes_exists() -> None:
    vio_names = {e.name for e in catalogue.listed().values() if e.source == "vio"}
    timm_names = set(catalogue.listed()) - vio_names
    assert all(timm.is_model(name) for name in timm_names)
    assert all(catalogue.SOURCES.load("vio").find(name) == "vio" for name in vio_names)


def test_listed_models_say_what_timm_says_of_them() -> None:
    source = catalogue.SOURCES.load("timm")
    for entry in catalogue.listed().values():
        if entry.source == "timm":
            assert source.find(entry.name) == entry.family, entry.name
            fixed = timm.get_pretrained_cfg(entry.name).fixed_input_size
            assert bool(source.config(entry.name, entry.family, (1, 3, 64, 64))) == bool(fixed), entry.name


def test_a_vit_is_built_for_the_size_under_test() -> None:
    entry = catalogue.find("vit_tiny_patch16_224")
    small, large = (catalogue.build(entry, catalogue.config(entry, (1, 3, s, s))) for s in (224, 448))
    grown = sum(p.numel() for p in large.parameters()) - sum(p.numel() for p in small.parameters())
    assert grown == (28 * 28 - 14 * 14) * 192
    assert large(torch.zeros(1, 3, 448, 448)).shape == (1, 1000)


def test_any_timm_name_is_found_with_its_family_and_tag() -> None:
    assert catalogue.find("resnet26d").family == "resnet"
    assert catalogue.find("deit3_small_patch16_224").family == "vit"
    assert catalogue.find("resnet50.a1_in1k").source == "timm"


def test_a_misspelt_name_gets_the_nearest_names() -> None:
    with pytest.raises(UsageError, match=r"unknown model 'resnt50'.*resnet50"):
        catalogue.find("resnt50")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:make", "importing no_such_module failed with ModuleNotFoundError"),
        ("math:no_such", "math has no callable 'no_such'"),
        ("math:pi", "math has no callable 'pi'"),
    ],
)
def test_a_users_module_that_does_not_import_is_explained(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        catalogue.find(name)


@pytest.mark.parametrize("name", vio.list_models())
def test_a_model_of_vios_takes_what_the_catalogue_says(name: str) -> None:
    entry = catalogue.find(name)
    images = issubclass(load_attribute(ARCHITECTURES[load_config(name).architecture].model), Backbone)
    good, bad = ((1, 3, 32, 64), (1, 50, 5)) if images else ((1, 50, 5), (1, 3, 32, 64))
    assert catalogue.channels(entry) == (None if images else 5)
    assert catalogue.config(entry, good)["architecture"] == load_config(name).architecture
    with pytest.raises(UsageError, match=rf"^model '{name}' takes .*, not .* {re.escape(str(bad))}$"):
        catalogue.config(entry, bad)


def test_a_model_of_sequences_is_held_to_its_channels_and_one_of_whole_numbers_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = catalogue.find("vio_dna")
    with pytest.raises(UsageError, match=r"takes sequences \(B, L, 5\), not sequences \(1, 50, 6\)"):
        catalogue.config(entry, (1, 50, 6))
    monkeypatch.setattr("baselines.vio_models.load_config", lambda name: override(load_config(name), vocab_size=4))
    with pytest.raises(UsageError, match=r"takes whole numbers \(B, L\), not sequences \(1, 50, 5\)"):
        catalogue.config(entry, (1, 50, 5))


def test_listed_names_need_no_torch() -> None:
    code = (
        "import sys; from baselines import catalogue as c;"
        "s = (1, 3, 64, 64);"
        "e = c.find('vit_tiny_patch16_224'); c.config(e, s); v = c.find('vio_tiny'); c.config(v, s);"
        "assert not {'torch', 'timm'} & set(sys.modules), 'heavy import'"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
