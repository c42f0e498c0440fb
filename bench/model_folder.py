"""A trained model that can be used by itself: a folder of weights and of a card that says what they are.

`model.safetensors` has the weights under the model's own names, `config.json` is the `ModelCard`. The weights say
which cell they are of, and the card is written last, so a folder that a kill has left is never taken for a whole one.
Nothing is unpickled, and a folder decides neither which code of a user is imported nor which other file is read.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from baselines import catalogue
from baselines.errors import UsageError
from bench.model_card import CARD_VERSION, ModelCard, form_of_data
from bench.training import checkpoint
from bench.training.files import replace
from suites.cell import Cell, identity
from suites.estimate import Estimate
from suites.task_workload import TaskWorkload
from suites.tasks.paths import is_file
from suites.tasks.task import TaskData

FOLDER = "model"
"""Name of the folder within that of a cell."""
_DEEPEST = 3
"""Folders between one that a person names and `FOLDER`: RUN/training/CELL, below a folder of runs."""
WEIGHTS, CARD = "model.safetensors", "config.json"

_PACKAGES = ("vio-bench", "torch", "timm")
_ELSEWHERE = frozenset({"cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"})
"""Arguments of timm's that would have weights read from another file, perhaps by unpickling it."""


def write(folder: Path, model: nn.Module, cell: Cell, data: TaskData, accuracy: Estimate) -> None:
    """Write weights and card, each whole or not at all.

    Args:
        folder: where to; made if need be.
        model: with the weights to keep.
        cell: what was trained, of a task.
        data: what it was trained on.
        accuracy: on the test examples.

    Raises:
        NotWritten: the operating system refuses, as where the disk is full.
    """
    assert isinstance(cell.workload, TaskWorkload)
    card = ModelCard(
        cell=identity(cell),
        model=cell.model,
        config=cell.config,
        task=cell.workload.task,
        data=data.digest,
        classes=data.classes,
        input=form_of_data(data, cell.workload.task),
        accuracy=accuracy,
        versions=_versions(),
    )
    checkpoint.save(folder / WEIGHTS, model.state_dict(), {}, card.cell)
    replace(folder / CARD, card.model_dump_json(indent=2).encode() + b"\n")


def locate(path: Path) -> Path:
    """The model's folder that a path means: itself, or the only one below it: in a cell's, a run's, or one of runs.

    Raises:
        UsageError: there is none, or there are several.
    """
    if is_file(path / CARD):
        return path
    found = sorted(card.parent for depth in range(_DEEPEST + 1) for card in path.glob(f"{'*/' * depth}{FOLDER}/{CARD}"))
    if not found:
        raise UsageError(
            f"no trained model in {path}; name a folder RESULTS/training/CELL/{FOLDER}, which a run of a suite "
            "with the metric 'accuracy' leaves; merging runs copies no model"
        )
    if len(found) > 1:
        raise UsageError(f"{path} has {len(found)} trained models; name one of {', '.join(map(_in_words, found))}")
    return found[0]


def read_card(folder: Path) -> ModelCard:
    """Read the card. Raises `UsageError` where it is missing, torn, altered, or of another version."""
    path = folder / CARD
    try:
        content = path.read_bytes()
        data = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a readable model card ({error}); train the model again") from error
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != CARD_VERSION:
        raise UsageError(
            f"{path}: not a card that this vio-bench reads: its schema_version is {found}, not {CARD_VERSION}"
        )
    try:
        return ModelCard.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the card"
        raise UsageError(f"{path}: {where}: {first['msg']}; was it altered?") from error


def load(folder: Path, *, user_model: str | None = None) -> tuple[ModelCard, nn.Module]:
    """Build the model of a folder and give it its weights; on the CPU, in evaluation mode.

    Args:
        folder: as `write` has left it.
        user_model: the `package.module:factory` that may be imported, where the model is a user's own.

    Raises:
        UsageError: card or weights are missing, torn, altered or not each other's; or the model can't be built.
    """
    card = read_card(folder)
    _check_harmless(folder, card, user_model)
    try:
        with torch.random.fork_rng(devices=[]):  # weights drawn here are replaced
            model = catalogue.build(catalogue.find(card.model), card.config)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise UsageError(f"{folder / CARD}: '{card.model}' can't be built with its config ({error})") from error
    weights = checkpoint.load_weights(model, folder / WEIGHTS)
    if weights.run != card.cell:
        raise UsageError(
            f"{folder}: {WEIGHTS} is of cell {weights.run} and {CARD} of {card.cell}; copy both from one folder"
        )
    return card, model.eval()


def _check_harmless(folder: Path, card: ModelCard, user_model: str | None) -> None:
    if ":" in card.model and card.model != user_model:
        raise UsageError(
            f"{folder} has a model of the user's own, '{card.model}'; its code is imported only where you name it "
            f"yourself: --model {card.model}"
        )
    named = sorted(_ELSEWHERE & card.config.keys())
    if named:
        raise UsageError(f"{folder / CARD}: config names {named[0]}, and weights come from {WEIGHTS} alone; remove it")


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _in_words(folder: Path) -> str:
    card = read_card(folder)
    return f"{folder} ({card.model}, {card.task})"
