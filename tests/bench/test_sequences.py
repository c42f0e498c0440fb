from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from baselines.errors import UsageError
from bench.cli import app
from bench.devices.cpu import CpuDevice
from bench.gradients import gradients
from bench.job import Job, Unavailable
from bench.mac_counters import count_by_dispatcher
from bench.plan import Options, make_plan
from bench.probes import PROBES
from bench.probes.sgemm_share import SIDE
from bench.runtimes.eager import RUNTIME
from bench.subject import Subject, build_subject, check_call
from bench.tensor_memory import peak_tensor_bytes
from suites.cell import Cell
from suites.protocol import Protocol
from suites.suite_file import load_suite
from suites.workload import SequenceWorkload
from tests.bench.conftest import QUICK, Command


def _job(
    model: str = "test", config: dict[str, object] | None = None, mode: str = "forward_backward", **job: object
) -> Job:
    workload = SequenceWorkload(length=40, channels=64, mode=mode)  # type: ignore[arg-type]
    cell = Cell(model=model, config=config or {}, workload=workload, device="cpu", threads=1)
    return Job(cell, "time", ("latency",), Protocol.model_validate(QUICK), 0.01, 3, check_output=True, **job)  # type: ignore[arg-type]


def _subject(model: nn.Module, example: torch.Tensor, job: Job) -> Subject:
    torch.set_num_threads(job.cell.threads)
    call = RUNTIME.prepare(model, example, backward=job.cell.workload.mode == "forward_backward")
    return Subject(job, model, example, example.clone(), call, CpuDevice(), ())


def test_gradients_are_those_of_the_sum_and_leave_nothing_behind() -> None:
    layer, x = nn.Linear(3, 2), torch.randn(5, 4, 3)
    output, (of_input, of_weight, of_bias) = gradients(layer, x)
    assert torch.allclose(output, layer(x)) and not output.requires_grad
    assert torch.allclose(of_input, layer.weight.sum(0).expand_as(x))
    assert torch.allclose(of_weight, x.sum((0, 1)).expand(2, 3), atol=1e-5)
    assert torch.allclose(of_bias, torch.full((2,), 20.0))
    assert layer.weight.grad is None and x.grad is None and not x.requires_grad


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_the_backward_of_a_convolution_takes_twice_its_forward_whatever_the_groups(groups: int) -> None:
    layer, x = nn.Conv2d(6, 6, 3, groups=groups), torch.randn(2, 6, 9, 9)
    forward = 2 * 6 * 7 * 7 * (6 // groups) * 9
    assert count_by_dispatcher(layer, x).macs == forward
    assert count_by_dispatcher(layer, x, backward=True).macs == 3 * forward


def test_attention_on_the_cpu_counts_its_backward_where_it_must_really_run() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.sum().item() < 1e9  # impossible on meta tensors
            return nn.functional.scaled_dot_product_attention(x, x, x)

    x = torch.randn(2, 3, 11, 16)
    count = count_by_dispatcher(Attention(), x, backward=True)
    assert (count.on, count.macs) == ("cpu", 3 * 2 * 3 * 11 * 11 * 32)


def test_the_peak_of_a_backward_holds_what_the_forward_saved_and_the_gradients() -> None:
    layer, x = nn.Linear(64, 64, bias=False), torch.randn(1, 40, 64)
    subject = _subject(layer, x, _job())
    peak = peak_tensor_bytes(subject.call, [layer.weight, x])
    activation, weight = 4 * 40 * 64, 4 * 64 * 64
    assert activation + weight <= peak <= 3 * activation + weight + 64  # output, its gradient or the input's, weight's


def test_a_gradient_that_is_not_finite_is_an_error() -> None:
    class Sqrt(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - x).sqrt()

    check_call(_subject(Sqrt(), torch.randn(1, 40, 64), _job(mode="forward")))
    with pytest.raises(ValueError, match=r"2560 gradients that are NaN or infinite"):
        check_call(_subject(Sqrt(), torch.randn(1, 40, 64), _job()))


def test_a_sgemm_reaches_its_own_peak() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(SIDE, SIDE))
            self.register_buffer("out", torch.empty(SIDE, SIDE))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.mm(x, self.weight, out=self.out)

    subject = _subject(Product(), torch.randn(SIDE, SIDE), _job(mode="forward"))
    found = {reading.name: reading for reading in PROBES.load("sgemm_share").read(subject).readings}
    shares = found["sgemm_share"].samples
    assert len(shares) == len(found["sgemm_rate"].samples) >= 3
    assert 0.5 < sorted(shares)[len(shares) // 2] < 2  # the same product on both sides, on a busy machine too


def test_the_share_is_of_the_macs_that_the_exact_pass_counted() -> None:
    subject = _subject(nn.Linear(64, 64), torch.randn(1, 40, 64), _job(known={"macs": 0.0}))
    assert PROBES.load("sgemm_share").read(subject).readings[0].samples[:3] == (0.0, 0.0, 0.0)
    counted = PROBES.load("sgemm_share").read(replace(subject, job=_job()))
    assert f"{3 * 40 * 64 * 64:,} MACs a call" in counted.readings[0].method


def test_the_record_says_that_a_backward_is_not_cross_checked() -> None:
    subject = _subject(nn.Linear(64, 64), torch.randn(1, 40, 64), _job())
    found = PROBES.load("macs").read(subject)
    assert found.readings[0].samples == (3 * 40 * 64 * 64,)
    assert "fvcore counts forwards only" in found.readings[0].method and not found.warnings


def test_a_mixer_without_its_package_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mambapy.mamba", None)
    with pytest.raises(Unavailable, match="pip install mambapy"):
        build_subject(_job("mixer/mambapy", {"width": 64, "state_size": 16}))


def test_a_suite_of_sequences_runs_to_its_report(
    command: Command, suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    axes = {"kind": "sequence", "length": [128], "channels": 64, "mode": ["forward_backward"]}
    suite = suite_file(
        ["mixer/ssd", "mixer/attention"],
        workload=axes,
        metrics=["params", "macs", "latency", "sgemm_share", "peak_memory"],
    )
    done = command("run", "--suite", suite, "--json")
    assert done.returncode in (0, 5), done.stderr  # a busy machine may make a timing unstable
    folder = tmp_path / json.loads(done.stdout)["folder"]
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert len(records) == 2 and {r["status"] for r in records} <= {"ok", "unstable"}
    assert all(r["estimates"]["sgemm_share"]["value"] > 0 for r in records)
    attention = next(r for r in records if r["cell"]["model"] == "mixer/attention")
    assert attention["estimates"]["macs"]["value"] == 3 * (4 * 128 * 64**2 + 2 * 128**2 * 64)
    assert "128 tokens" in (folder / "report.md").read_text()


@pytest.mark.parametrize("name", ["vio_dna", "vio_seq_hybrid"])
def test_a_whole_model_of_sequences_is_planned_and_runs(suite_file: Callable[..., Path], name: str) -> None:
    axes = {"kind": "sequence", "length": [40], "channels": 5, "mode": ["forward_backward"]}
    (planned,) = make_plan(load_suite(str(suite_file([name], workload=axes))), Options(threads=1)).cells
    subject = build_subject(replace(_job(), cell=planned.cell))
    check_call(subject)
    assert subject.call().shape == (1, 10)


def test_a_model_that_takes_no_sequences_is_refused_at_its_line(suite_file: Callable[..., Path]) -> None:
    path = suite_file(["mixer/ssd", "resnet18"], workload={"kind": "sequence", "length": [8], "channels": 64})
    with pytest.raises(UsageError, match=r"mine\.yaml:\d+:\d+: model 'resnet18' takes images .*, not sequences"):
        make_plan(load_suite(str(path)), Options())
    with pytest.raises(UsageError, match=r"^model 'resnet18' takes images"):  # named by an option, so at no line
        make_plan(load_suite(str(path)), Options(models=("resnet18",)))


def _show(*arguments: str) -> dict[str, object]:
    return json.loads(CliRunner().invoke(app, ["show", *arguments, "--length", "100", "--json"]).stdout)  # type: ignore[no-any-return]


def test_show_describes_a_mixer_at_a_length() -> None:
    figures = _show("mixer/attention", "--channels", "64")
    assert (figures["length"], figures["macs"]) == (100, 4 * 100 * 64 * 64 + 2 * 100 * 100 * 64)


def test_show_takes_a_models_own_channels() -> None:
    figures = _show("vio_dna")
    assert (figures["channels"], figures["params"]) == (5, 280_074)
