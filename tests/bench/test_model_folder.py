from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from baselines.errors import UsageError
from bench import model_folder
from bench.model_card import ImageForm
from bench.model_folder import CARD, WEIGHTS
from suites.cell import identity
from tests.bench import trained


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A copy of a small model's folder, to be spoilt."""
    return Path(shutil.copytree(trained.dna(tmp_path_factory.getbasetemp()).folder, tmp_path / "model"))


def _change(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, **changes}))


def test_the_card_says_all_that_is_needed_to_use_the_weights(tmp_path_factory: pytest.TempPathFactory) -> None:
    learnt = trained.digits(tmp_path_factory.getbasetemp())
    card = model_folder.read_card(learnt.folder)
    assert (card.model, card.task, card.classes) == ("vio_nano", "digits", tuple("0123456789"))
    assert card.cell == identity(learnt.cell) and card.config == learnt.cell.config
    assert isinstance(card.input, ImageForm) and card.input.input == learnt.data.input
    assert card.accuracy.n == len(learnt.data.tests[32]) and card.accuracy.value == learnt.answers.accuracy
    assert card.accuracy.low < card.accuracy.value < card.accuracy.high
    assert torch.__version__.startswith(card.versions["torch"]) and card.versions["timm"][0].isdigit()


def test_weights_come_back_bit_for_bit_under_the_models_own_names(folder: Path, tmp_path: Path) -> None:
    card, model = model_folder.load(folder)
    stored = load_file(folder / WEIGHTS)  # any reader of safetensors can use them
    assert stored.keys() == model.state_dict().keys()
    assert all(torch.equal(stored[name], value) for name, value in model.state_dict().items())
    assert not model.training and card.model == "vio_dna"


def test_loading_leaves_the_callers_random_numbers_alone(folder: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    model_folder.load(folder)
    assert torch.equal(torch.rand(1), expected)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / CARD).unlink(), "config.json: not a readable model card"),
        (lambda f: _cut(f / CARD), "config.json: not a readable model card"),
        (lambda f: (f / CARD).write_text("[]"), "schema_version is None"),
        (lambda f: _change(f, schema_version=2), "schema_version is 2, not 1"),
        (lambda f: _change(f, extra=1), "extra: Extra inputs"),
        (lambda f: _change(f, model="vio_dnb"), "unknown model 'vio_dnb'"),
        (lambda f: _change(f, config={"blocks": ["zzz"]}), "can't be built with its config"),
        (
            lambda f: _change(f, model="vit_tiny_patch16_224", config={"patch_size": 0}),
            "can't be built with its config",
        ),
        (lambda f: _change(f, classes=["a", "a"]), "classes: Value error, two classes have one name"),
        (lambda f: _change(f, cell="0" * 16), "is of cell"),
        (lambda f: (f / WEIGHTS).unlink(), "model.safetensors: torn, or no safetensors file"),
        (lambda f: _cut(f / WEIGHTS), "model.safetensors: torn, or no safetensors file"),
        (lambda f: _flip(f / WEIGHTS), "bytes are not those that were written"),
        (lambda f: save_file({"a": torch.zeros(1)}, f / WEIGHTS), "not a checkpoint of this vio-bench"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(folder: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=message) as caught:
        model_folder.load(folder)
    assert str(folder) in str(caught.value) or "unknown model" in message


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (trained.digits, {"mean": []}, "input.image: Value error, 1 channels, but 0 means and 1 deviations"),
        (trained.digits, {"mean": [2]}, "input.image.mean.0: .* less than or equal to 1"),
        (trained.digits, {"std": [0.1, 0.1]}, "input.image: Value error, 1 channels, but 1 means and 2 deviations"),
        (trained.digits, {"std": [0]}, "input.image.std.0: .* greater than"),
        (trained.digits, {"std": [1e-50]}, "input.image.std.0: .* greater than"),
        (trained.digits, {"size": 0}, "input.image.size: .* greater than 0"),
        (trained.digits, {"size": -5}, "input.image.size: .* greater than 0"),
        (trained.digits, {"size": 10**6}, "input.image.size: .* less than or equal to 4096"),
        (trained.digits, {"channels": 0}, "input.image.channels: .* greater than or equal to 1"),
        (trained.digits, {"crop_padding": -1}, "input.image.crop_padding: .* greater than or equal to 0"),
        (trained.dna, {"length": 0}, "input.sequence.length: .* greater than or equal to 1"),
        (trained.dna, {"length": -1}, "input.sequence.length: .* greater than or equal to 1"),
        (trained.dna, {"length": 10**7}, "input.sequence.length: .* less than or equal to 1048576"),
        (trained.dna, {"channels": 0}, "input.sequence.channels: .* greater than or equal to 1"),
        (trained.tokens, {"vocabulary": 0}, "input.sequence.vocabulary: .* greater than or equal to 1"),
        (trained.tokens, {"padding": -1}, "input.sequence.padding: .* greater than or equal to 0"),
    ],
)
def test_a_form_of_input_that_can_not_be_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    make: Callable[[Path], trained.Learnt],
    changes: dict[str, Any],
    message: str,
) -> None:
    folder = Path(shutil.copytree(make(tmp_path_factory.getbasetemp()).folder, tmp_path / "model"))
    given = json.loads((folder / CARD).read_text())["input"]
    _change(folder, input={**given, **changes})
    with pytest.raises(UsageError, match=f"config.json: {message}.*; was it altered"):
        model_folder.load(folder)


def test_weights_of_another_model_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = trained.tokens(tmp_path_factory.getbasetemp())
    shutil.copy(other.folder / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(UsageError, match=r"weights of another model: .* is .* there and .* here"):
        model_folder.load(folder)


def test_a_folder_does_not_decide_which_code_is_imported(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    _change(folder, model="planted:factory")
    with pytest.raises(UsageError, match="--model planted:factory"):
        model_folder.load(folder)


def test_a_users_own_model_is_loaded_where_its_user_names_it(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: Any
) -> None:
    code = "from vio import create_model\ndef make(**task):\n    return create_model('vio_seq_mamba', **task)\n"
    (tmp_path / "own_model.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    learnt = trained.tokens(tmp_path_factory.getbasetemp())
    cell = trained.planned("own_model:make", learnt.cell.workload, {})  # type: ignore[arg-type]
    accuracy = model_folder.read_card(learnt.folder).accuracy
    model_folder.write(tmp_path / "model", trained.fresh(cell), cell, learnt.data, accuracy)
    with pytest.raises(UsageError, match="--model own_model:make"):
        model_folder.load(tmp_path / "model")
    card, model = model_folder.load(tmp_path / "model", user_model="own_model:make")
    assert type(model).__name__ == "VIO1D" and card.config["vocab_size"] == 16
    (tmp_path / "own_model.py").write_text(code + "# changed\n")
    with pytest.raises(UsageError, match="its module changed"):
        model_folder.load(tmp_path / "model", user_model="own_model:make")


def test_a_folder_does_not_name_another_file_of_weights(folder: Path) -> None:
    _change(folder, model="resnet10t", config={"checkpoint_path": "evil.pth"})
    with pytest.raises(UsageError, match="config names checkpoint_path"):
        model_folder.load(folder)


def test_a_model_is_found_from_the_folders_above_it(folder: Path, tmp_path: Path) -> None:
    assert model_folder.locate(folder) == model_folder.locate(folder.parent) == folder
    cells = tmp_path / "run" / "training"
    one, two = (Path(shutil.copytree(folder, cells / name / "model")) for name in ("one", "two"))
    assert model_folder.locate(cells / "two") == two
    with pytest.raises(UsageError, match=rf"2 trained models; name one of {one} \(vio_dna, csv:"):
        model_folder.locate(tmp_path / "run")
    with pytest.raises(UsageError, match="no trained model in"):
        model_folder.locate(tmp_path / "nowhere")


@pytest.mark.parametrize("cells", ["training", "results/run/training", "merged/training/run"])
def test_a_model_is_found_up_to_three_folders_above_its_cell(folder: Path, tmp_path: Path, cells: str) -> None:
    top = tmp_path / cells.split("/")[0]
    one = Path(shutil.copytree(folder, tmp_path / cells / "one" / "model"))
    assert model_folder.locate(top) == one
    two = Path(shutil.copytree(folder, tmp_path / cells / "two" / "model"))
    with pytest.raises(UsageError, match=f"2 trained models; name one of {one} .*, {two} "):
        model_folder.locate(top)
