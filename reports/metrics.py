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
}
"""Names for people, in the order of columns."""

SECONDARY = {"buffers", "weight_bytes", "flops", "macs_coverage", "input_bytes", "first_call", "sgemm_rate"}
"""In the CSV tables, not in those for people."""

SCALING = (
    "latency", "macs", "peak_tensor_bytes", "peak_rss", "throughput", "peak_allocated", "peak_reserved",
)  # fmt: skip
"""Figures whose growth with sequence length is drawn and fitted."""


def label(metric: str) -> str:
    """The metric's name for people."""
    return LABELS.get(metric, metric.replace("_", " "))


def ordered(metrics: Iterable[str]) -> list[str]:
    """Each metric once: the known ones in their order, then the others as they came."""
    seen = list(dict.fromkeys(metrics))
    return [metric for metric in LABELS if metric in seen] + [metric for metric in seen if metric not in LABELS]


def headline(metrics: Iterable[str]) -> list[str]:
    """The metrics that tables for people show, in order."""
    return [metric for metric in ordered(metrics) if metric not in SECONDARY]
