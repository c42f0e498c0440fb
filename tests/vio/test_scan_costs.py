"""What the docstrings say a scan costs is what the probes count."""

from __future__ import annotations

import importlib
import math

import pytest
import torch
from torch import nn

from bench.mac_counters import count_by_dispatcher, count_by_fvcore
from bench.tensor_memory import peak_tensor_bytes
from tests.vio.scan_reference import selective_arguments, ssd_arguments
from vio.scan import selective_scan, selective_step, ssd, ssd_noncausal, ssd_step


class Scan(nn.Module):
    """A scan as a module of its first argument, which is what the counters count."""

    def __init__(self, scan, args, **options) -> None:
        super().__init__()
        self.scan, self.options = scan, options
        for i, value in enumerate(args):
            self.register_buffer(f"arg{i}", value)

    def forward(self, x):
        return self.scan(x, *self.buffers(), **self.options)


def macs(scan, args, **options):
    module = Scan(scan, args[1:], **options)
    count = count_by_dispatcher(module, args[0]).macs
    if args[0].shape[0] == 1:  # the other counter traces one batch entry, and the buffers have their own
        assert count_by_fvcore(module, args[0]) == count
    return count


@pytest.mark.parametrize(("length", "chunk"), [(96, 32), (128, 64), (90, 64), (1, 1), (5, 128)])
@pytest.mark.parametrize("batch", [1, 2])
def test_macs_of_ssd(batch, length, chunk):
    args = ssd_arguments(batch, length, 3, 4, 5, dtype=torch.float32)
    tokens = math.ceil(length / chunk) * chunk
    assert macs(ssd, args, chunk=chunk) == batch * tokens * (chunk * 5 + chunk * 3 * 4 + 2 * 5 * 3 * 4)


def test_macs_of_the_other_forms():
    x, log_decay, b, c = args = ssd_arguments(1, 50, 3, 4, 5, dtype=torch.float32)
    assert macs(ssd_noncausal, args) == 2 * 50 * 5 * 3 * 4
    state = torch.zeros(1, 3, 5, 4)
    assert macs(ssd_step, (x[:, 0], log_decay[:, 0], b[:, 0], c[:, 0], state)) == 5 * 3 * 4
    x, dt, A, B, C, D = args = selective_arguments(1, 49, 6, 4, dtype=torch.float32)
    assert macs(selective_scan, args) == 49 * 4 * 6
    step = Scan(
        lambda x, *rest: selective_step(x, *rest, state=torch.zeros(1, 6, 4, device=x.device)),
        (dt[:, 0], A, B[:, 0], C[:, 0], D),
    )
    assert count_by_dispatcher(step, x[:, 0]).macs == 4 * 6


def peak_numbers(scan, args, **options):
    """Most numbers live at once, the arguments apart."""
    with torch.no_grad():
        return peak_tensor_bytes(lambda: scan(*args, **options), list(args)) / args[0].element_size()


@pytest.mark.parametrize("length", [64, 256, 1024, 8192])
@pytest.mark.parametrize("chunk", [1, 16, 64])
@pytest.mark.parametrize(("H", "P", "N"), [(2, 16, 8), (6, 32, 8)])
def test_memory_of_ssd(length, chunk, H, P, N, monkeypatch):
    B, S = 2, 512
    monkeypatch.setattr(importlib.import_module("vio.scan.ssd"), "SEGMENT_ELEMENTS", S * H * P)
    peak = peak_numbers(ssd, ssd_arguments(B, length, H, P, N, dtype=torch.float32), chunk=chunk)
    work = min(S, length) * (2 * H * P + 2 * N * H * P / chunk + chunk + 4 * H + 2 * H / chunk)
    several = length * H * P + S * 2 * N + N * H * P if length > S else 0
    stated = B * (several + work + 3 * N * H * P)
    assert 0.95 * stated < peak <= stated


@pytest.mark.parametrize("length", [256, 1024, 4096])
def test_memory_of_the_selective_scan(length, monkeypatch):
    B, D, N, S = 2, 8, 16, 256
    monkeypatch.setattr(importlib.import_module("vio.scan.selective"), "SEGMENT_ELEMENTS", S * D * N)
    peak = peak_numbers(selective_scan, selective_arguments(B, length, D, N, dtype=torch.float32))
    stated = B * (length * D + S * (2 * N * D + 6 * D) + (5 * math.sqrt(S) + 4) * N * D)
    assert 0.6 * stated < peak <= stated


def test_memory_of_the_noncausal_form():
    B, L, H, P, N = 2, 400, 2, 16, 8
    peak = peak_numbers(ssd_noncausal, ssd_arguments(B, L, H, P, N, dtype=torch.float32))
    stated = B * (3 * L * H * P + 2 * L * H + 2 * N * H * P)
    assert 0.6 * stated < peak <= stated
