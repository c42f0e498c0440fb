"""The learning rate: every model is given the same few to try, for the same share of its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from bench.training.errors import NotFinite
from bench.training.files import read_json, replace_json
from suites.schema import Strict
from suites.tasks.errors import DataError

SWEEP = "sweep.json"


class Trial(Strict):
    """What one learning rate came to."""

    lr: float
    """The highest learning rate of the trial."""
    accuracy: Annotated[float, Field(ge=0, le=1)] | None
    """On the validation split, at the trial's end; none where its loss became no number."""
    loss: float | None
    """Mean negative log-likelihood there, nats; the rate is chosen by it. None where it became no number."""
    seconds: float
    """Seconds of training, evaluation apart."""


def sweep(rates: Sequence[float], attempt: Callable[[float], Trial], folder: Path) -> tuple[Trial, ...]:
    """Try each rate that the folder doesn't know yet; each result is written down as it comes."""
    trials = _stored(folder / SWEEP)
    for rate in rates:
        if rate not in {trial.lr for trial in trials}:
            trials = (*trials, attempt(rate))
            replace_json(folder / SWEEP, [trial.model_dump() for trial in trials])
    return trials


def best_rate(trials: Sequence[Trial]) -> float:
    """The rate with the least validation loss; of equal ones the lowest.

    Raises:
        NotFinite: no trial has come to its end.
    """
    ended = [(trial.loss, trial.lr) for trial in trials if trial.loss is not None]
    if not ended:
        rates = ", ".join(f"{trial.lr:g}" for trial in trials)
        raise NotFinite(f"the loss became no number at every learning rate of the sweep ({rates}): try lower ones")
    return min(ended)[1]


def _stored(path: Path) -> tuple[Trial, ...]:
    if not path.exists():
        return ()
    try:
        return TypeAdapter(tuple[Trial, ...]).validate_python(read_json(path), strict=False)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]["msg"]
        raise DataError(f"{path}: {what}; remove {path.parent} to train anew") from error
