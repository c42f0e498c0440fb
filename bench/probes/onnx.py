"""ONNX: whether the exported file, run by ONNX Runtime, gives what the model gives, and whether all of it is there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.job import Findings, Pass
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from bench.onnx_file import OnnxFile
    from bench.parity import Exported, Trials
    from bench.subject import Subject

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_KEPT = 0.9
"""A file that holds a smaller share of the parameters, or of the layers, has lost some of the model."""


class OnnxProbe:
    """Exports from the program that `torch.export` captures; the weights are live, so nothing may be folded away."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``onnx_error``, ``onnx_resized_error``; ``onnx_bytes`` on disk and ``onnx_nodes`` of the graph."""
        missing = _missing()
        if missing:
            return Findings(warnings=[_not_installed(missing)])
        from bench.onnx_file import OnnxFile
        from bench.parity import try_export

        with tempfile.TemporaryDirectory(prefix="vio-bench-onnx-") as folder:
            files: list[OnnxFile] = []

            def export(trials: Trials) -> Exported:
                files.append(OnnxFile.write(subject, trials, Path(folder)))
                return files[0].session(subject.job.cell.threads)

            how = f"torch.onnx.export, run by ONNX Runtime on the CPU with {subject.job.cell.threads} thread(s)"
            found = try_export(subject, "onnx", how, export)
            for file in files:
                _describe(found, file, subject)
        return found


def _describe(found: Findings, file: OnnxFile, subject: Subject) -> None:
    found.exact("onnx_bytes", file.size, "B", "the exported file, weights included")
    found.exact("onnx_nodes", file.nodes, "1", "operators of the exported graph")
    params = sum(parameter.numel() for parameter in subject.model.parameters())
    layers = file.layers_of(subject.model)
    if file.numbers < _KEPT * params or file.products < _KEPT * layers:
        found.warnings.append(
            MeasurementWarning(
                kind="export_shrunk",
                metric="onnx_error",
                message=f"the file holds {file.numbers:,} numbers and {file.products} products, "
                f"the model {params:,} parameters and {layers} layers of weights",
                evidence={"numbers": file.numbers, "params": params, "products": file.products, "layers": layers},
                advice="a part was folded away or is never run: look at the graph before its speed is compared",
            )
        )


def _missing() -> list[str]:
    from importlib.util import find_spec

    return [package for package in _PACKAGES if find_spec(package) is None]


def _not_installed(missing: list[str]) -> MeasurementWarning:
    return MeasurementWarning(
        kind="not_installed",
        metric="onnx_error",
        message=f"not tried: {', '.join(missing)} not installed",
        evidence={"missing": missing},
        advice="pip install 'vio-bench[export]'",
    )


PROBE = OnnxProbe()
