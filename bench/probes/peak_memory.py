"""Peak memory of a call: live tensors exactly, and what the device itself counts, weights apart from activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.job import Findings, Pass

if TYPE_CHECKING:
    from bench.subject import Subject


class PeakMemoryProbe:
    """A pass of its own, never the timed one."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """Figures in bytes: ``peak_tensor_bytes`` (activations alive at once), ``input_bytes``, and the device's peaks.

        ``weight_bytes`` belongs to the params metric. What the device's peak has beyond ``peak_tensor_bytes`` is
        workspace: scratch space inside operators and allocator overhead.
        """
        from bench.tensor_memory import peak_tensor_bytes

        model, example = subject.model, subject.example
        existing = [*model.parameters(), *model.buffers(), example]
        subject.call()  # lazily made buffers and caches are not this forward's activations
        found = Findings()
        peak = peak_tensor_bytes(subject.call, existing)
        what = ", gradients included" if subject.backward else ""
        found.exact("peak_tensor_bytes", peak, "B", f"live tensor storage, weights and input apart{what}")
        found.exact("input_bytes", example.numel() * example.element_size(), "B", "the input tensor")
        found.merge(subject.device.peak_memory(subject.call))
        return found


PROBE = PeakMemoryProbe()
