"""What the reports know of metrics beyond their estimates: names for people, order, and which are drawn.

A metric that is not named here appears all the same, last and under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable

LABELS = {
    "params": "params",
    "macs": "MACs",
    "latency": "latency",
    "throughput": "throughput",
    "sgemm_share": "share of sgemm",
    "peak_tensor_bytes": "peak tensors",
    "peak_rss": "peak RSS",
    "peak_allocated": "peak allocated",
    "peak_reserved": "peak reserved",
    "held_driver_memory": "held by driver",
    "accuracy": "accuracy",
    "accuracy_top5": "top-5",
    "accuracy_whole": "whole sequences",
    "knn_accuracy": "k-NN",
    "linear_probe_accuracy": "linear probe",
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "calibration_error": "calibration error",
    "train_time": "train time",
}
"""Names for people, in the order of columns."""

SECONDARY = {"buffers", "weight_bytes", "flops", "macs_coverage", "input_bytes", "first_call", "sgemm_rate"}
"""In the CSV tables, not in those for people."""

_LEARNT = {
    "macro_f1", "balanced_accuracy", "calibration_error", "train_time", "train_throughput", "learning_rate",
    "train_steps", "knn_accuracy", "linear_probe_accuracy",
}  # fmt: skip

SHARES = ("accuracy_top5", "accuracy_whole", "knn_accuracy", "linear_probe_accuracy")
"""Other shares of the test examples, beside the accuracy itself."""

AT_LENGTH = "accuracy_at_"
"""Before a length: accuracy on test examples of that length, where it is not the one that was trained on."""

SCALING = (
    "latency", "macs", "peak_tensor_bytes", "peak_rss", "throughput", "peak_allocated", "peak_reserved",
)  # fmt: skip
"""Figures whose growth with sequence length is drawn and fitted."""


_UNIT_SUFFIXES = {"1": "", "s": "_s", "B": "_bytes", "1/s": "_per_s"}


def unit_suffix(unit: str) -> str:
    """What follows a metric's name in a table of plain numbers: `_s`, `_bytes`, nothing for a bare number."""
    return _UNIT_SUFFIXES.get(unit, f"_{unit}")


def label(metric: str) -> str:
    """The metric's name for people."""
    return LABELS.get(metric, metric.replace("_", " "))


def ordered(metrics: Iterable[str]) -> list[str]:
    """Each metric once: the known ones in their order, then the others as they came."""
    seen = list(dict.fromkeys(metrics))
    return [metric for metric in LABELS if metric in seen] + [metric for metric in seen if metric not in LABELS]


def headline(metrics: Iterable[str]) -> list[str]:
    """The metrics that tables of workloads show, in order; what was learnt has tables of its own."""
    return [metric for metric in ordered(metrics) if metric not in SECONDARY and not is_learnt(metric)]


def is_learnt(metric: str) -> bool:
    """Whether it comes from training: accuracy and what goes with it."""
    return metric in _LEARNT or metric == "accuracy" or metric.startswith("accuracy_")
