"""How a training run went, as a cell's folder keeps it: one JSON line an epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

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
    validation_loss: float | None = None
    """Mean negative log-likelihood of the validation samples then, nats; what the best epoch is chosen by. Older files
    have none."""
    lr: float
    """Learning rate of the epoch's last step."""
    examples_per_second: float
    """Training examples a second, evaluation and checkpoints apart."""
    seconds: float
    """Seconds of training since the start, evaluation and checkpoints apart."""


def read_history(folder: Path) -> tuple[Epoch, ...]:
    """Every whole line in the order of training, none where there is no file; a torn last line is left out.

    Raises:
        DataError: the file can't be read, or a line is malformed; names it.
    """
    path = folder / HISTORY
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror or error}") from error
    epochs = []
    for number, line in enumerate(lines, 1):
        try:
            epochs.append(Epoch.model_validate_json(line))
        except ValidationError as error:
            what = error.errors(include_url=False)[0]["msg"]
            raise DataError(f"{path}:{number}: {what}; remove {folder} to train anew") from error
    return tuple(epochs)
