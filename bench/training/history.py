"""How a training run went: one JSON line an epoch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from bench.training.files import replace, writing
from suites.schema import Strict
from suites.tasks.errors import DataError

HISTORY = "history.jsonl"


class Epoch(Strict):
    """What one epoch came to; the last one of a run may be a part of an epoch."""

    epoch: Annotated[int, Field(ge=1)]
    """Its number, from 1."""
    step: Annotated[int, Field(ge=1)]
    """Steps since the start of training."""
    loss: float
    """Mean training loss over the epoch's steps."""
    train_accuracy: float | None
    """Share of the training samples that were right, each before its step, varied and in training mode; none with
    mixup."""
    validation_accuracy: float | None
    """Share of the validation samples that are right at the epoch's end; none where it was not evaluated."""
    validation_loss: float | None
    """Mean negative log-likelihood of the validation samples then, nats; what the best epoch is chosen by."""
    lr: float
    """Learning rate of the epoch's last step."""
    examples_per_second: float
    """Training examples a second, evaluation and checkpoints apart."""
    seconds: float
    """Seconds of training since the start, evaluation and checkpoints apart."""


def append(folder: Path, epoch: Epoch) -> None:
    """Add one line and wait until it is on disk."""
    path = folder / HISTORY
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(epoch.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read(folder: Path) -> tuple[Epoch, ...]:
    """Every whole line; a torn last one is left out.

    Raises:
        DataError: a line is malformed; names it.
    """
    path = folder / HISTORY
    if not path.exists():
        return ()
    *lines, _ = path.read_bytes().split(b"\n")
    epochs = []
    for number, line in enumerate(lines, 1):
        try:
            epochs.append(Epoch.model_validate_json(line))
        except ValidationError as error:
            what = error.errors(include_url=False)[0]["msg"]
            raise DataError(f"{path}:{number}: {what}; remove {folder} to train anew") from error
    return tuple(epochs)


def rewind(folder: Path, step: int) -> None:
    """Forget what came after a step, as a run does that goes on from there."""
    if (folder / HISTORY).exists():
        kept = (epoch.model_dump_json().encode() + b"\n" for epoch in read(folder) if epoch.step <= step)
        replace(folder / HISTORY, b"".join(kept))
