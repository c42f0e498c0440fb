"""What a model took for what: counts of right class by answer, and the pairs it confuses most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from suites.predictions import Array, Predictions


@dataclass(frozen=True)
class Confused:
    """One class taken for another."""

    right: int
    taken_for: int
    count: int
    """Samples of the right class that were."""
    of: int
    """Samples of the right class."""


def confusion_matrix(answered: Iterable[Predictions], classes: int) -> Array:
    """Samples by (right class, answer), (classes, classes) int64, summed over ``answered``.

    Raises ``ValueError`` where an answer or a label is no class.
    """
    total = np.zeros((classes, classes), dtype=np.int64)
    for one in answered:
        both = np.concatenate([one.labels, one.predicted])
        if len(both) and not (both.min() >= 0 and both.max() < classes):
            raise ValueError(f"an answer or a label is none of {classes} classes")
        total += np.bincount(one.labels * classes + one.predicted, minlength=classes**2).reshape(classes, classes)
    return total


def most_confused(matrix: Array, limit: int) -> list[Confused]:
    """The pairs of different classes with the most samples, of equal ones those with the larger share of their class
    and then by index; none without samples."""
    of = matrix.sum(axis=1)
    pairs = [
        Confused(int(right), int(taken), int(matrix[right, taken]), int(of[right]))
        for right, taken in zip(*np.nonzero(matrix), strict=True)
        if right != taken
    ]
    pairs.sort(key=lambda pair: (-pair.count, -pair.count / pair.of, pair.right, pair.taken_for))
    return pairs[:limit]
