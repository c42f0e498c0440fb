from __future__ import annotations

import platform
import resource
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import timm
import torch
from torch import nn

from bench.devices.cpu import CpuDevice
from bench.tensor_memory import peak_tensor_bytes
from tests.bench.models.hostile import Allocate


def _peak(model: nn.Module, example: torch.Tensor) -> int:
    existing = [*model.parameters(), *model.buffers(), example]
    with torch.inference_mode():
        return peak_tensor_bytes(lambda: model(example), existing)


def test_the_tensor_peak_of_known_allocations_is_exact() -> None:
    def call() -> None:
        a = torch.empty(1000, dtype=torch.float64)  # 8,000 B
        b = a + 1  # 16,000 live
        del a
        c = b[:10].clone()  # 8,080 live
        del b, c
        torch.empty(1500, dtype=torch.uint8)

    assert peak_tensor_bytes(call, []) == 16000


def test_views_and_existing_tensors_cost_nothing() -> None:
    given = torch.zeros(1000)
    assert peak_tensor_bytes(lambda: given.view(10, 100).t()[3:].add_(1), [given]) == 0


def test_a_tensor_that_nobody_registered_is_not_an_activation() -> None:
    kept = torch.zeros(10**6)
    assert peak_tensor_bytes(lambda: kept.view(1000, 1000).sum(0), []) == 4000


def test_the_tensor_peak_of_resnet18_is_the_same_every_time() -> None:
    model = timm.create_model("resnet18").eval()
    image = torch.randn(8, 3, 224, 224)
    # the stem's convolution and its batch norm: two maps of 8 x 64 x 112 x 112 floats alive at once
    assert [_peak(model, image) for _ in range(3)] == [2 * 8 * 64 * 112 * 112 * 4] * 3


def _resident_peaks() -> tuple[float, ...]:
    model = Allocate().eval()
    image = torch.zeros(1, 3, 8, 8)
    CpuDevice().prepare_for_memory()
    found = CpuDevice().peak_memory(lambda: model(image))
    return tuple(next(r.samples for r in found.readings if r.name == "peak_rss"))


def test_the_resident_peak_is_what_was_allocated() -> None:
    # as in a run: in a process of its own, where no other test's memory comes and goes
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        peaks = process.submit(_resident_peaks).result()
    assert statistics.median(peaks) == pytest.approx(2 * 32 * 2**20, rel=0.05)


def _pages_fetched_again() -> int:
    CpuDevice().prepare_for_timing()

    def call() -> int:
        return len([torch.ones(2**20) for _ in range(8)])  # 4 MiB each, all alive at once

    for _ in range(3):
        call()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_process_that_is_timed_keeps_what_it_frees() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        fetched = process.submit(_pages_fetched_again).result()
    assert fetched < 20 * 8192 / 8  # an eighth of a call's pages


def test_the_tensor_peak_is_what_was_allocated() -> None:
    assert _peak(Allocate().eval(), torch.zeros(1, 3, 8, 8)) == 2 * 32 * 2**20


def test_where_the_peak_cannot_be_reset_there_is_no_figure_but_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError("not here")

    monkeypatch.setattr("bench.devices.cpu._reset_peak", refuse)
    found = CpuDevice().peak_memory(lambda: None)
    assert not found.readings
    assert [w.kind for w in found.warnings] == ["rss_unavailable"]
