"""The selective scan against the recurrence it stands for, in float64."""

from __future__ import annotations

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vio.scan_reference import error, selective_arguments, selective_recurrence
from vio.scan import selective_scan, selective_step

shapes = {
    "batch": st.integers(1, 3),
    "length": st.integers(1, 120),
    "channels": st.integers(1, 5),
    "size": st.integers(1, 6),
    "step": st.sampled_from([1e-4, 0.1, 1.0, 100.0]),
    "rate": st.sampled_from([0.0, 1e-3, 1.0, 16.0, 1e4]),
    "seed": st.integers(0, 2**32 - 1),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@settings(max_examples=40, deadline=None)
@given(shape=st.fixed_dictionaries(shapes))
def test_equals_the_recurrence(dtype, tolerance, shape):
    args = selective_arguments(**shape, dtype=dtype)
    y, state = selective_scan(*args)
    want_y, want_state = selective_recurrence(*args)
    x, dt, A, B, C, D = args
    terms_y, terms_state = selective_recurrence(x.abs(), dt, A, B.abs(), C.abs(), D.abs())
    assert y.dtype == state.dtype == dtype
    assert error(y, want_y, terms_y) < tolerance
    assert error(state, want_state, terms_state) < tolerance


@settings(max_examples=20, deadline=None)
@given(
    elements=st.integers(1, 200), data=st.data(), shape=st.fixed_dictionaries({**shapes, "length": st.integers(2, 90)})
)
def test_segments_and_a_carried_state_are_not_visible(elements, data, shape):
    cut = data.draw(st.integers(1, shape["length"] - 1))
    x, dt, A, B, C, D = args = selective_arguments(**shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module("vio.scan.selective"), "SEGMENT_ELEMENTS", elements)
        first, middle = selective_scan(x[:, :cut], dt[:, :cut], A, B[:, :cut], C[:, :cut], D)
        second, end = selective_scan(x[:, cut:], dt[:, cut:], A, B[:, cut:], C[:, cut:], D, state=middle)
    want_y, want_state = selective_recurrence(*args)
    assert error(torch.cat([first, second], 1), want_y) < 1e-10
    assert error(end, want_state) < 1e-10


def test_steps_equal_the_scan():
    x, dt, A, B, C, D = selective_arguments(length=30)
    for skip in (D, None):
        y, end = selective_scan(x, dt, A, B, C, skip)
        state = torch.zeros_like(end)
        for t in range(30):
            before = state.clone()
            y_t, after = selective_step(x[:, t], dt[:, t], A, B[:, t], C[:, t], skip, state=state)
            assert torch.equal(state, before)  # the caller's state is left alone
            state = after
            assert error(y_t, y[:, t]) < 1e-10
        assert error(state, end) < 1e-10


@pytest.mark.parametrize("dt", [0.0, 1e-30, 1.0, 1e30])
@pytest.mark.parametrize("rate", [0.0, 1e-30, 1.0, 1e30])
def test_finite_at_the_extremes(dt, rate):
    args = [t.requires_grad_() for t in selective_arguments(length=70, dtype=torch.float32)]
    x, step, A, B, C, D = args
    scale = min(1.0, 1 / dt) if dt else 1.0  # what is written, dt B x, is itself within range
    y, state = selective_scan(x * scale, step * 0 + dt, A * 0 - rate, B, C, D)
    (y.sum() + state.sum()).backward()
    assert y.isfinite().all() and state.isfinite().all()
    assert all(t.grad is not None and t.grad.isfinite().all() for t in args)


@pytest.mark.parametrize("length", [1, 7])
def test_gradients(length):
    args = selective_arguments(batch=1, length=length, channels=2, size=2)
    state = torch.randn(1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs = tuple(t.requires_grad_() for t in (*args, state))
    assert torch.autograd.gradcheck(lambda *a: selective_scan(*a[:-1], state=a[-1]), inputs)

    def step(x, dt, A, B, C, D, state):
        return selective_step(x[:, 0], dt[:, 0], A, B[:, 0], C[:, 0], D, state=state)

    assert torch.autograd.gradcheck(step, inputs)


@settings(max_examples=10, deadline=None)
@given(shape=st.fixed_dictionaries(shapes))
def test_gradients_equal_the_recurrence(shape):
    def gradients(scan, args):
        leaves = [t.detach().requires_grad_() for t in args]
        y, state = scan(*leaves)
        return torch.autograd.grad(y.square().mean() + state.square().mean(), leaves)

    args = selective_arguments(**shape)
    want = gradients(selective_recurrence, args)
    for got, expected in zip(gradients(selective_scan, args), want, strict=True):
        assert (got - expected).abs().max() <= 1e-10 * max(1.0, expected.abs().max())


def test_half_precision_and_autocast_do_not_reach_the_scan():
    args = selective_arguments(length=100, dtype=torch.bfloat16)
    want_y, want_state = selective_recurrence(*args)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = selective_scan(*args)
    assert y.dtype == torch.bfloat16 and state.dtype == torch.float32
    assert error(state, want_state) < 1e-5  # the state is never rounded to the input's dtype
    assert error(y, want_y) < torch.finfo(torch.bfloat16).eps


def test_later_tokens_do_not_change_earlier_outputs():
    x, dt, A, B, C, D = selective_arguments(length=100)
    y, _ = selective_scan(x, dt, A, B, C, D)
    changed, _ = selective_scan(x.index_fill(1, torch.tensor([70]), 5.0), dt, A, B, C, D)
    assert torch.equal(y[:, :70], changed[:, :70])
    assert not torch.allclose(y[:, 70], changed[:, 70])
