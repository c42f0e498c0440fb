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
    "step_latency": "latency of a step",
    "state_bytes": "kept between tokens",
    "cache_bytes": "keys and values",
    "streaming_error": "error of the stream",
    "train_tensor_peak": "peak tensors in training",
    "train_tensor_peak_checkpointed": "the same, recomputed",
    "checkpointed_share": "share of it, recomputed",
    "bf16_error": "error in bfloat16",
    "torchscript_error": "error in TorchScript",
    "torchscript_resized_error": "TorchScript at another size",
    "export_error": "error in torch.export",
    "export_resized_error": "torch.export at another size",
    "onnx_error": "error in ONNX",
    "onnx_resized_error": "ONNX at another size",
    "onnx_bytes": "ONNX file",
    "onnx_nodes": "ONNX operators",
    "standalone": "torch alone",
    "install_bytes": "installed",
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

SECONDARY = {
    "buffers", "weight_bytes", "flops", "macs_coverage", "input_bytes", "first_call", "sgemm_rate", "onnx_nodes",
    "train_tensor_peak_checkpointed",
}  # fmt: skip
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
    "state_bytes", "cache_bytes", "step_latency",
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


def known() -> set[str]:
    """Every metric that is named here; a plug-in's is not."""
    return {*LABELS, *SECONDARY, *_LEARNT, *SCALING, *SHARES}
