"""Figures of accuracy, from stored predictions alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suites.predictions import Array, Predictions

_BINS = 15


@dataclass(frozen=True)
class Metrics:
    """How right the predictions are: shares from 0 to 1."""

    samples: int
    """Images, sequences or places that were scored."""
    top1: float
    """Share whose most probable class is right."""
    top5: float
    """Share whose right class is among the five most probable."""
    macro_f1: float
    """Mean of the classes' F1 scores, over classes that occur or were predicted."""
    balanced_accuracy: float
    """Mean of the classes' recalls, over classes that occur."""
    calibration_error: float
    """Mean distance of confidence from accuracy; see `calibration_error`."""
    whole: float
    """Share of the examples with every sample right; `top1` where an example is a sample."""


def metrics(predictions: Predictions) -> Metrics:
    """All of them."""
    from sklearn.metrics import f1_score, recall_score

    labels, predicted = predictions.labels, predictions.predicted
    occurring = np.unique(labels)
    return Metrics(
        samples=len(labels),
        top1=predictions.accuracy,
        top5=float(predictions.in_top5.mean()),
        macro_f1=float(f1_score(labels, predicted, average="macro", zero_division=0)),
        balanced_accuracy=float(recall_score(labels, predicted, labels=occurring, average="macro")),
        calibration_error=calibration_error(predictions.probability, predictions.correct),
        whole=float(predictions.whole.mean()),
    )


def confusion(labels: Array, predicted: Array, classes: int) -> Array:
    """Counts (classes, classes): a row a right class, a column a predicted one."""
    counts: Array = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    return counts


def calibration_error(probability: Array, correct: Array, bins: int = _BINS) -> float:
    """Expected calibration error: mean |accuracy - confidence| over equal bins (a, b], weighted by their samples.

    Guo et al., 'On calibration of modern neural networks' (arXiv 1706.04599), with its 15 bins.
    """
    which = np.clip(np.ceil(probability.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = correct.astype(np.float64) - probability.astype(np.float64)
    return float(np.abs(np.bincount(which, weights=gap, minlength=bins)).sum() / len(gap))
