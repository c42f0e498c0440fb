"""What a trained model answered to each test sample, as a cell keeps it: plain arrays, never unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from baselines.errors import UsageError

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Predictions:
    """A sample is an example, or where each place has a label, a place that has one. All (S,), in the examples' order.

    Places of one sequence are not independent of each other: an interval over them must be taken over examples.
    """

    example: Array
    """The example that each sample belongs to, by its index, int64."""
    labels: Array
    """The right class, int64."""
    predicted: Array
    """The most probable class, int64; of equal ones the first."""
    probability: Array
    """What the model gives that class, 0 to 1, float32."""
    in_top5: Array
    """Whether the right class is among the five most probable, bool."""
    nll: Array
    """Negative log-likelihood: minus the logarithm of what the model gives the right class, nats, float32."""

    @property
    def correct(self) -> Array:
        """Whether each sample is right, (S,) bool."""
        return np.equal(self.predicted, self.labels)

    @property
    def accuracy(self) -> float:
        """Share of the samples that are right, 0 to 1."""
        return float(self.correct.mean())

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the samples, nats: cross-entropy without label smoothing."""
        return float(self.nll.mean(dtype=np.float64))

    @property
    def whole(self) -> Array:
        """Whether each example that has a sample is right in all of them, (N,): for single labels this is `correct`."""
        _, first = np.unique(self.example, return_index=True)
        return np.logical_and.reduceat(self.correct, first)

    @property
    def by_example(self) -> Array:
        """Share of each example's samples that are right, (N,) float64: 0 or 1 for single labels."""
        _, which = np.unique(self.example, return_inverse=True)
        return np.bincount(which, weights=self.correct) / np.bincount(which)


def predictions_file(folder: Path, size: int) -> Path:
    """Where a cell's folder keeps its answers to the test examples of one size."""
    return folder / f"predictions-{size}.safetensors"


def dump_predictions(predictions: Predictions) -> bytes:
    """The content of their file."""
    from safetensors.numpy import save

    content: bytes = save({name: np.ascontiguousarray(values) for name, values in vars(predictions).items()})
    return content


def load_predictions(path: Path) -> Predictions:
    """Read them. Raises `UsageError` where the file is not there or is something else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return Predictions(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise UsageError(f"{path} does not hold predictions ({error}); run its cell again") from error
