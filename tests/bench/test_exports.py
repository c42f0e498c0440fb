"""Exports are compared with the model itself on inputs that they never saw, at two sizes; what fails says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.devices.cpu import CpuDevice
from bench.job import Findings, Job
from bench.parity import relative_error, second_shape
from bench.probes import PROBES
from bench.runtimes.eager import RUNTIME
from bench.subject import Subject
from suites.cell import Cell
from suites.protocol import Protocol
from suites.workload import ImageWorkload, SequenceWorkload

EXPORTS = ["torchscript", "export", "onnx"]


class Known(nn.Module):
    """Convolution, norm, pool and classifier: what every exporter has handled for years."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))


class Branches(Known):
    """Does something else for input that has a negative number, which no trace of a positive one can know."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        return y if x.min() >= 0 else -y


class OneSize(Known):
    """As a vision transformer with its position embeddings."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2:] == (64, 64), f"Input height ({x.shape[2]}) doesn't match model (64)"
        return super().forward(x)


class Idle(Known):
    """Most of its weights are never run."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 100))


def subject_of(model: nn.Module, example: torch.Tensor) -> Subject:
    """Of a cell that nobody planned."""
    if example.ndim == 4:
        workload: ImageWorkload | SequenceWorkload = ImageWorkload(height=example.shape[2], width=example.shape[3])
    else:
        workload = SequenceWorkload(length=example.shape[1], channels=example.shape[-1])
    cell = Cell(model="test", config={}, workload=workload, device="cpu", threads=1)
    limits = Protocol(warmup_cap_s=0.01)
    job = Job(cell, "exact", (), limits, time_slice_s=0.01, min_samples=3, check_output=False)
    return Subject(job, model.eval(), example, example.clone(), RUNTIME.prepare(model, example), CpuDevice(), ())


def read(metric: str, model: nn.Module, example: torch.Tensor | None = None) -> tuple[dict[str, float], Findings]:
    torch.manual_seed(0)
    found = PROBES.load(metric).read(subject_of(model, torch.rand(1, 3, 64, 64) if example is None else example))
    return {reading.name: reading.samples[0] for reading in found.readings}, found


def kinds(found: Findings) -> dict[str, str]:
    return {warning.metric: warning.kind for warning in found.warnings}


@pytest.mark.parametrize("export", EXPORTS)
def test_a_plain_model_is_exported_with_parity_at_both_sizes(export: str) -> None:
    figures, found = read(export, Known())
    assert 0 <= figures[f"{export}_error"] < 1e-5 and 0 <= figures[f"{export}_resized_error"] < 1e-5
    assert not found.warnings and all(reading.exact for reading in found.readings)
    assert "new input of 1x3x64x64" in found.readings[0].method and "1x3x96x128" in found.readings[1].method
    if export == "onnx":
        params = sum(p.numel() for p in Known().parameters())
        assert 4 * params <= figures["onnx_bytes"] < 4 * params + 10_000 and figures["onnx_nodes"] >= 3


def test_a_branch_that_the_traced_input_did_not_take_shows_as_a_large_error() -> None:
    figures, _ = read("torchscript", Branches())  # y where -y is right: twice the largest output
    assert figures["torchscript_error"] == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize("export", ["export", "onnx"])
def test_what_cannot_be_captured_has_no_figure_but_a_reason(export: str) -> None:
    figures, found = read(export, Branches())
    assert not figures
    assert kinds(found) == dict.fromkeys((f"{export}_error", f"{export}_resized_error"), "export_failed")
    assert all("data-dependent" in w.message and "\n" not in w.message and w.evidence["error"] for w in found.warnings)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_model_of_one_size_is_compared_at_that_size(export: str) -> None:
    figures, found = read(export, OneSize())
    assert figures[f"{export}_error"] < 1e-5 and f"{export}_resized_error" not in figures
    assert kinds(found) == {f"{export}_resized_error": "one_size"}
    assert "doesn't match model (64)" in found.warnings[0].evidence["refusal"]


def test_a_sequence_is_tried_at_half_as_long_again() -> None:
    figures, found = read("torchscript", nn.Linear(5, 3), torch.randn(2, 10, 5))
    assert figures["torchscript_resized_error"] < 1e-6 and "2x15x5" in found.readings[1].method


def test_a_trace_that_breaks_at_another_size_is_a_figure_at_its_own_and_a_reason_at_the_other() -> None:
    class Baked(Known):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.reshape(1, 3, int(x.shape[2]), int(x.shape[3])))

    figures, found = read("torchscript", Baked())
    assert figures == {"torchscript_error": pytest.approx(0, abs=1e-6)}
    assert kinds(found) == {"torchscript_resized_error": "export_failed"}
    assert "run on 1x3x96x128: RuntimeError: shape '[1, 3, 64, 64]' is invalid" in found.warnings[0].message


def test_a_file_that_lost_most_of_the_model_says_so() -> None:
    _, found = read("onnx", Idle())
    (warning,) = found.warnings
    assert warning.kind == "export_shrunk" and warning.evidence["layers"] == 4 and warning.evidence["products"] == 2
    assert warning.evidence["params"] == sum(p.numel() for p in Idle().parameters())


def test_without_onnx_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if "onnx" in name else find_spec(name))
    figures, found = read("onnx", Known())
    assert not figures and kinds(found) == {"onnx_error": "not_installed"}
    assert "pip install 'vio-bench[export]'" in found.warnings[0].advice and "onnxruntime" in found.warnings[0].message


def test_the_error_is_the_largest_difference_over_the_largest_output() -> None:
    assert relative_error(torch.tensor([1.0, -4.5]), torch.tensor([1.25, -4.0])) == pytest.approx(0.125)
    with pytest.raises(ValueError, match=r"shape \(2,\), the model's own \(1, 2\)"):
        relative_error(torch.zeros(2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="NaN"):
        relative_error(torch.tensor([float("nan")]), torch.ones(1))


def test_the_second_size_is_another_for_every_input() -> None:
    assert second_shape((1, 3, 224, 224)) == (1, 3, 256, 192)
    assert second_shape((1, 3, 32, 32)) == (1, 3, 64, 96)
    assert second_shape((4, 1, 5)) == (4, 2, 5) and second_shape((4, 100)) == (4, 150)
