"""TorchScript: whether a trace of one input, saved and loaded, gives what the model gives on others."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from bench.job import Findings, Pass

if TYPE_CHECKING:
    from bench.parity import Exported
    from bench.subject import Subject


class TorchScriptProbe:
    """A trace records what one input made happen: a branch that another would take, or a size, is frozen in it."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``torchscript_error`` at the traced size, ``torchscript_resized_error`` at another."""
        from bench.parity import try_export

        return try_export(subject, "torchscript", "torch.jit.trace of one input", lambda _: _trace(subject))


def _trace(subject: Subject) -> Exported:
    import torch

    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what a trace freezes, which is what the trials are to show
        torch.jit.save(torch.jit.trace(subject.model, subject.example, check_trace=False), file)
        file.seek(0)
        loaded: Exported = torch.jit.load(file, map_location=subject.device.torch_name)
    return loaded


PROBE = TorchScriptProbe()
