"""Training memory: tensors alive in a forward and backward, recomputed or kept; and what mixed precision costs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from bench.job import Findings, Pass
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.subject import Subject

_METHOD = "live tensor storage of a forward and backward in training mode, weights and input apart, {how}"


class TrainingMemoryProbe:
    """Works on a copy of the model, whose running statistics a training step would change."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``train_tensor_peak`` in bytes, ``train_tensor_peak_checkpointed`` and their ratio ``checkpointed_share``,
        where the model has timm's ``set_grad_checkpointing``; ``bf16_error`` of a forward under autocast."""
        found = Findings()
        try:
            _measure_peaks(subject, found)
        except (ValueError, RuntimeError) as error:
            found.warnings.append(_failed("train_tensor_peak", "a forward and backward in training mode", error))
        if subject.job.cell.precision == "fp32":
            try:
                found.exact("bf16_error", _autocast_error(subject), "1", "forward under bfloat16 autocast; largest "
                            "difference to float32 / largest output")  # fmt: skip
            except (ValueError, RuntimeError) as error:
                found.warnings.append(_failed("bf16_error", "a forward under bfloat16 autocast", error))
        return found


def _measure_peaks(subject: Subject, found: Findings) -> None:
    model: Any = copy.deepcopy(subject.model).train()
    kept = _peak(model, subject.example)
    found.exact("train_tensor_peak", kept, "B", _METHOD.format(how="activations kept"))
    if not hasattr(model, "set_grad_checkpointing"):
        found.warnings.append(_no_checkpointing("it has no set_grad_checkpointing"))
        return
    try:
        model.set_grad_checkpointing(True)
    except AssertionError as error:  # timm's way to say that it has none
        found.warnings.append(_no_checkpointing(str(error) or "set_grad_checkpointing refuses"))
        return
    recomputed = _peak(model, subject.example)
    found.exact("train_tensor_peak_checkpointed", recomputed, "B", _METHOD.format(how="blocks recomputed"))
    found.exact("checkpointed_share", recomputed / kept, "1", "peak with blocks recomputed / with activations kept")


def _peak(model: nn.Module, example: torch.Tensor) -> int:
    from bench.gradients import gradients
    from bench.tensor_memory import peak_tensor_bytes

    existing = [*model.parameters(), *model.buffers(), example]
    gradients(model, example)  # lazily made buffers and caches are not this call's
    return peak_tensor_bytes(lambda: gradients(model, example), existing)


def _autocast_error(subject: Subject) -> float:
    import torch

    from bench.parity import relative_error

    model, example = subject.model, subject.example
    with torch.no_grad():
        expected = model(example)
        with torch.autocast(subject.device.torch_name, dtype=torch.bfloat16):
            return relative_error(model(example), expected)


def _failed(metric: str, what: str, error: Exception) -> MeasurementWarning:
    from bench.parity import said

    return MeasurementWarning(
        kind="training_failed",
        metric=metric,
        message=f"{what} failed: {said(error)}",
        evidence={"error": str(error)[:500]},
        advice="batch norms need more than one value a channel: raise the batch, or the size of the input",
    )


def _no_checkpointing(reason: str) -> MeasurementWarning:
    return MeasurementWarning(
        kind="no_checkpointing",
        metric="train_tensor_peak_checkpointed",
        message=f"not recomputed: {reason}",
        evidence={"reason": reason},
        advice="give the model set_grad_checkpointing(enable), as timm's have",
    )


PROBE = TrainingMemoryProbe()
