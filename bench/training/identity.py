"""Which run a folder holds, so that no other one goes on in it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from bench.training.checkpoint import LAST
from bench.training.files import read_json, replace_json
from suites.recipe import Recipe
from suites.schema import Strict
from suites.tasks.errors import DataError
from suites.tasks.task import TaskData

RUN = "run.json"


class Identity(Strict):
    """All that decides a run's final weights."""

    task: str
    """The task's name."""
    data: str
    """The digest of its examples."""
    input: str
    """How an example is shown to the model."""
    model: str
    """The model's class, parameters and a digest of what it is made of."""
    recipe: Recipe
    """How it is trained."""
    seed: int
    """Of weights, order, variation and dropout."""
    device: str
    """Where it is trained: another device rounds otherwise."""
    threads: int | None
    """Threads of a CPU, which also decide the rounding; none elsewhere."""

    @property
    def digest(self) -> str:
        """16 hex digits of SHA-256."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def identify(model: nn.Module, data: TaskData, recipe: Recipe, seed: int, device: torch.device) -> Identity:
    """The identity of a run that is about to start or to go on."""
    return Identity(
        task=data.info.name,
        data=data.digest,
        input=repr(data.input),
        model=describe(model),
        recipe=recipe,
        seed=seed,
        device=device.type,
        threads=torch.get_num_threads() if device.type == "cpu" else None,
    )


def describe(model: nn.Module) -> str:
    """A model in a few words and 16 hex digits over its modules, configuration, and the form of its weights."""
    form = [f"{name} {value.dtype} {tuple(value.shape)}" for name, value in model.state_dict().items()]
    parts = [repr(model), repr(getattr(model, "config", None)), *form]
    content = re.sub(r" at 0x[0-9a-f]+", "", "\n".join(parts))  # where a function lies in memory is no part of it
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return f"{type(model).__name__} of {sum(p.numel() for p in model.parameters()):,} parameters, {digest}"


def claim(folder: Path, identity: Identity) -> None:
    """Make the folder this run's own, or see that it is.

    Raises:
        DataError: its run.json can't be read, or it holds a checkpoint of who knows what, or another run; the message
            names what differs.
    """
    path = folder / RUN
    if not path.exists():
        if (folder / LAST).exists():
            raise DataError(f"{folder} holds a checkpoint without its {RUN}; choose another folder, or remove it")
        replace_json(path, identity.model_dump(mode="json"))
        return
    content = read_json(path)
    try:
        found = Identity.model_validate_json(json.dumps(content))
    except ValidationError as error:
        what = error.errors(include_url=False)[0]
        where = ".".join(map(str, what["loc"]))
        raise DataError(f"{path}: {where}: {what['msg']}; remove {folder} to train anew") from error
    if found != identity:
        there, here = _flat(found.model_dump()), _flat(identity.model_dump())
        differing = [f"{key} ({there[key]} there, {here[key]} here)" for key in here if there[key] != here[key]]
        raise DataError(
            f"{folder} holds another run; what differs: {'; '.join(differing)}. Choose another folder, or remove it"
        )


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    recipe = content.pop("recipe")
    return {**content, **{f"recipe.{name}": value for name, value in recipe.items()}}
