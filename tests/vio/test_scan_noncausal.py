"""The single-pass form against a sum over tokens, one outer product at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vio.scan_reference import error, ssd_arguments
from vio.scan import ssd_noncausal


def pooled(x, log_weight, b, c):
    x, log_weight, b, c = (t.double() for t in (x, log_weight, b, c))
    h = x.new_zeros(x.shape[0], x.shape[2], b.shape[2], x.shape[3])
    for t in range(x.shape[1]):
        h = h + log_weight[:, t, :, None, None].exp() * b[:, t, None, :, None] * x[:, t, :, None, :]
    return torch.stack([(c[:, t, None, :, None] * h).sum(2) for t in range(x.shape[1])], 1), h


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 3), length=st.integers(1, 60), heads=st.integers(1, 3), channels=st.integers(1, 5),
    size=st.integers(1, 6), spread=st.sampled_from([0.0, 1.0, 5.0]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_equals_the_sum_over_tokens(dtype, tolerance, batch, length, heads, channels, size, spread, seed):
    args = ssd_arguments(batch, length, heads, channels, size, decay=spread, seed=seed, dtype=dtype)
    y, state = ssd_noncausal(*args)
    want_y, want_state = pooled(*args)
    assert y.dtype == state.dtype == dtype
    x, log_weight, b, c = args
    terms_y, terms_state = pooled(x.abs(), log_weight, b.abs(), c.abs())
    assert error(y, want_y, terms_y) < tolerance
    assert error(state, want_state, terms_state) < tolerance


def test_gradients():
    args = tuple(t.requires_grad_() for t in ssd_arguments(1, 5, 2, 2, 3))
    assert torch.autograd.gradcheck(ssd_noncausal, args)


def test_the_order_of_tokens_does_not_matter():
    args = ssd_arguments(length=50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    y, state = ssd_noncausal(*args)
    shuffled_y, shuffled_state = ssd_noncausal(*(t[:, order] for t in args))
    assert error(shuffled_y, y[:, order]) < 1e-12
    assert error(shuffled_state, state) < 1e-12


def test_softmax_weights_make_a_mean_and_minus_infinity_leaves_a_token_out():
    x, scores, b, c = ssd_arguments(length=30)
    ones = torch.ones_like(b)
    _, mean = ssd_noncausal(x, F.log_softmax(torch.zeros_like(scores), 1), ones, c)
    assert error(mean, x.mean(1).unsqueeze(2).expand_as(mean)) < 1e-12
    keep = torch.arange(30) % 3 > 0
    _, masked = ssd_noncausal(x, scores.masked_fill(~keep[None, :, None], -torch.inf), b, c)
    _, without = ssd_noncausal(x[:, keep], scores[:, keep], b[:, keep], c[:, keep])
    assert error(masked, without) < 1e-12


@pytest.mark.parametrize("log_weight", [-torch.inf, -1e30, 0.0, 1e30])
def test_finite_at_the_extremes(log_weight):
    args = [t.requires_grad_() for t in ssd_arguments(length=50, dtype=torch.float32)]
    x, weight, b, c = args
    y, state = ssd_noncausal(x * 1e5, weight * 0 + log_weight, b * 1e5, c)
    (y.sum() + state.sum()).backward()
    assert y.isfinite().all() and state.isfinite().all()
    assert all(t.grad is not None and t.grad.isfinite().all() for t in args)


def test_half_precision_and_autocast_do_not_reach_the_sum():
    args = ssd_arguments(length=200, dtype=torch.bfloat16)
    want_y, want_state = pooled(*args)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = ssd_noncausal(*args)
    assert y.dtype == torch.bfloat16 and state.dtype == torch.float32
    assert error(state, want_state) < 1e-5
    assert error(y, want_y) < torch.finfo(torch.bfloat16).eps
