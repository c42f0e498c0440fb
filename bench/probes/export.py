"""`torch.export`: whether the captured program gives what the model gives, at its size and at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.job import Findings, Pass

if TYPE_CHECKING:
    from bench.subject import Subject


class ExportProbe:
    """The program that ONNX, ExecuTorch and AOTInductor start from."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``export_error`` at the captured size, ``export_resized_error`` at another."""
        from bench.exported_program import captured
        from bench.parity import try_export

        how = "torch.export with free sides (Dim.AUTO)"
        return try_export(subject, "export", how, lambda trials: captured(subject, trials).module())


PROBE = ExportProbe()
