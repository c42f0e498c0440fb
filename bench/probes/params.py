"""Params: what the optimiser would train, exactly; buffers apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.job import Findings, Pass

if TYPE_CHECKING:
    from bench.subject import Subject


class ParamsProbe:
    """Counts parameters and buffers of the built model."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``params`` and ``buffers`` as counts, ``weight_bytes`` of both as they are held on the device."""
        found = Findings()
        params, buffers = list(subject.model.parameters()), list(subject.model.buffers())
        found.exact("params", sum(p.numel() for p in params), "1", "sum of numel over parameters")
        found.exact("buffers", sum(b.numel() for b in buffers), "1", "sum of numel over buffers")
        weight_bytes = sum(t.numel() * t.element_size() for t in [*params, *buffers])
        found.exact("weight_bytes", weight_bytes, "B", "parameters and buffers at the cell's precision")
        return found


PROBE = ParamsProbe()
