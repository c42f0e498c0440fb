from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest
import timm
import torch
from torch import nn
from torch.utils.benchmark import Timer

from bench.devices.cpu import CpuDevice
from bench.job import Job
from bench.probes import PROBES
from bench.runtimes.eager import RUNTIME
from bench.subject import Subject
from suites.cell import Cell
from suites.protocol import Protocol
from suites.workload import ImageWorkload
from tests.bench.models.hostile import Sleep


def _subject(model: nn.Module, size: int, **job: object) -> Subject:
    workload = ImageWorkload(height=size, width=size)
    cell = Cell(model="test", config={}, workload=workload, device="cpu", threads=1)
    example = torch.randn(1, 3, size, size)
    limits = {"time_slice_s": 0.5, "min_samples": 6, "check_output": False, **job}
    asked = Job(cell, "time", ("latency",), Protocol(warmup_cap_s=0.1), **limits)  # type: ignore[arg-type]
    return Subject(
        asked, model.eval(), example, example.clone(), RUNTIME.prepare(model.eval(), example), CpuDevice(), ()
    )


@pytest.fixture(autouse=True)
def _little_to_collect() -> Iterator[None]:
    """As in a cell's process: else each collection before sampling would walk all that pytest holds."""
    gc.freeze()
    yield
    gc.unfreeze()


def _read(metric: str, subject: Subject) -> dict[str, tuple[float, ...]]:
    return {reading.name: reading.samples for reading in PROBES.load(metric).read(subject).readings}


def test_a_sleep_is_never_read_as_shorter_than_it_is() -> None:
    samples = _read("latency", _subject(Sleep(), 32))["latency"]
    assert len(samples) >= 6
    assert min(samples) >= 0.02
    assert max(_read("throughput", _subject(Sleep(), 32))["throughput"]) <= 1 / 0.02


def test_latency_is_what_torch_utils_benchmark_reads_in_the_same_process() -> None:
    """By the fastest of many interleaved calls, which other work on the machine does not reach; a wrong clock does."""
    torch.set_num_threads(1)
    subject = _subject(timm.create_model("resnet10t"), 64, time_slice_s=0.03)
    timer = Timer("call()", globals={"call": subject.call}, num_threads=1)
    ratios = []
    for _ in range(6):
        ours, theirs = [], []
        for _ in range(9):
            ours += _read("latency", subject)["latency"]
            theirs += [timer.timeit(1).median for _ in range(10)]  # single calls on both sides
        ratios.append(min(ours) / min(theirs))
        if abs(ratios[-1] - 1) < 0.05:
            break
    assert abs(ratios[-1] - 1) < 0.05, f"never within 5 %: {ratios}"


def test_garbage_collection_is_held_off_while_sampling() -> None:
    states = []

    class Watch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            states.append(gc.isenabled())
            time.sleep(0.001)
            return x

    samples = _read("latency", _subject(Watch(), 32))["latency"]
    assert not any(states[-len(samples) :])
    assert gc.isenabled()
