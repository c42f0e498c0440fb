"""The scans traced, exported and compiled, compared with eager on other inputs than the example."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from tests.vio.scan_reference import error, selective_arguments, ssd_arguments
from vio.scan import selective_scan, ssd, ssd_noncausal

FORMS = [(ssd, ssd_arguments, 70), (selective_scan, selective_arguments, 9), (ssd_noncausal, ssd_arguments, 70)]


class Scan(nn.Module):
    def __init__(self, scan) -> None:
        super().__init__()
        self.scan = scan

    def forward(self, *args):
        return self.scan(*args)


def assert_same(got, want):
    for tensor, expected in zip(got, want, strict=True):
        assert error(tensor, expected.double()) < 1e-5


@pytest.mark.parametrize(("scan", "arguments", "length"), FORMS)
def test_a_trace_equals_eager(scan, arguments, length):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks of shapes are of the example's, as they should be
        traced = torch.jit.trace(Scan(scan), arguments(length=length))
    for batch in (2, 3):
        args = arguments(batch, length, seed=1)
        assert_same(traced(*args), scan(*args))


@pytest.mark.parametrize(("scan", "arguments", "length"), FORMS)
def test_an_export_equals_eager_at_any_batch(scan, arguments, length):
    batch = torch.export.Dim("batch", max=64)
    example = arguments(length=length)
    dynamic = tuple({0: batch} if t.ndim > 2 else {} for t in example)
    exported = torch.export.export(Scan(scan), example, dynamic_shapes=(dynamic,)).module()
    for size in (1, 2, 5):
        args = arguments(size, length, seed=1)
        assert_same(exported(*args), scan(*args))


def test_the_noncausal_form_exports_with_any_length():
    length = torch.export.Dim("length", max=4096)
    exported = torch.export.export(Scan(ssd_noncausal), ssd_arguments(), dynamic_shapes=(({1: length},) * 4,)).module()
    for tokens in (1, 20, 333):
        args = ssd_arguments(length=tokens, seed=1)
        assert_same(exported(*args), ssd_noncausal(*args))


@pytest.mark.parametrize(("scan", "arguments", "length"), FORMS)
def test_a_whole_graph_is_captured(scan, arguments, length):
    torch.compiler.reset()
    compiled = torch.compile(Scan(scan), fullgraph=True, dynamic=False, backend="eager")
    compiled(*arguments(length=length))
    args = arguments(length=length, seed=1)
    assert_same(compiled(*args), scan(*args))
