"""The chunked scan against the recurrence it stands for, in float64."""

from __future__ import annotations

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vio.scan_reference import error
from tests.vio.scan_reference import ssd_arguments as draw
from tests.vio.scan_reference import ssd_recurrence as recurrence
from vio.scan import LOG_DECAY_MIN, MAX_CHUNK, bound_log_decay, ssd, ssd_step

shapes = {
    "batch": st.integers(1, 3),
    "length": st.integers(1, 150),
    "heads": st.integers(1, 3),
    "channels": st.integers(1, 5),
    "size": st.integers(1, 6),
    "decay": st.sampled_from([1e-4, 0.1, 1.0, 3.0, 1e4]),
    "seed": st.integers(0, 2**32 - 1),
}
chunks = st.none() | st.integers(1, MAX_CHUNK)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@settings(max_examples=60, deadline=None)
@given(chunk=chunks, shape=st.fixed_dictionaries(shapes))
def test_equals_the_recurrence(dtype, tolerance, chunk, shape):
    args = draw(**shape, dtype=dtype)
    y, state = ssd(*args, chunk=chunk)
    want_y, want_state = recurrence(*args)
    x, log_decay, b, c = args
    terms_y, terms_state = recurrence(x.abs(), log_decay, b.abs(), c.abs())
    assert y.dtype == state.dtype == dtype
    assert error(y, want_y, terms_y) < tolerance
    assert error(state, want_state, terms_state) < tolerance


@settings(max_examples=20, deadline=None)
@given(
    chunk=st.none() | st.integers(1, 20),
    elements=st.integers(1, 200),
    recorded=st.booleans(),
    shape=st.fixed_dictionaries(shapes),
)
def test_segments_are_not_visible(chunk, elements, recorded, shape):
    with pytest.MonkeyPatch.context() as patch, torch.set_grad_enabled(recorded):
        patch.setattr(importlib.import_module("vio.scan.ssd"), "SEGMENT_ELEMENTS", elements)
        args = draw(**shape)
        y, state = ssd(*args, chunk=chunk)
    want_y, want_state = recurrence(*args)
    assert error(y, want_y) < 1e-10
    assert error(state, want_state) < 1e-10


@settings(max_examples=30, deadline=None)
@given(chunk=chunks, data=st.data(), shape=st.fixed_dictionaries({**shapes, "length": st.integers(2, 150)}))
def test_continuing_from_a_state_equals_the_whole(chunk, data, shape):
    cut = data.draw(st.integers(1, shape["length"] - 1))
    args = draw(**shape)
    y, state = ssd(*args)
    first, middle = ssd(*(t[:, :cut] for t in args), chunk=chunk)
    second, end = ssd(*(t[:, cut:] for t in args), chunk=chunk, state=middle)
    assert error(torch.cat([first, second], 1), y) < 1e-10
    assert error(end, state) < 1e-10


@pytest.mark.parametrize("decay", [0.1, 50.0])
def test_steps_equal_the_scan(decay):
    x, log_decay, b, c = args = draw(length=40, decay=decay)
    y, end = ssd(*args)
    state = torch.zeros_like(end)
    for t in range(40):
        before = state.clone()
        y_t, after = ssd_step(x[:, t], log_decay[:, t], b[:, t], c[:, t], state)
        assert torch.equal(state, before)  # the caller's state is left alone
        state = after
        assert error(y_t, y[:, t]) < 1e-10
    assert error(state, end) < 1e-10


@pytest.mark.parametrize("chunk", [None, 1, MAX_CHUNK])
@pytest.mark.parametrize("log_decay", [0.0, LOG_DECAY_MIN, -1e30, -torch.inf])
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e3])
def test_finite_at_the_extremes(chunk, log_decay, scale):
    x, decay, b, c = (t.requires_grad_() for t in draw(length=300, dtype=torch.float32))
    y, state = ssd(x * scale, decay * 0 + log_decay, b * scale, c * scale, chunk=chunk)
    (y.sum() + state.sum()).backward()
    assert y.isfinite().all() and state.isfinite().all()
    assert all(t.grad is not None and t.grad.isfinite().all() for t in (x, b, c))


def test_float32_survives_large_inputs_at_the_fastest_decay():
    x, _, b, c = draw(length=256, dtype=torch.float32)
    args = (x * 1e5, torch.full((2, 256, 3), -9.0), b * 1e5, c * 1e5)
    assert error(ssd(*args)[0], recurrence(*args)[0]) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_input_is_scanned_in_float32(dtype):
    args = draw(length=200, decay=0.01, dtype=dtype)
    y, state = ssd(*args)
    want_y, want_state = recurrence(*args)
    assert y.dtype == dtype and state.dtype == torch.float32
    assert error(state, want_state) < 1e-5  # the state is never rounded to the input's dtype
    assert error(y, want_y) < torch.finfo(dtype).eps
    y_t, state = ssd_step(*(t[:, 0] for t in args), torch.zeros_like(state))
    assert y_t.dtype == dtype and state.dtype == torch.float32


def test_autocast_does_not_reach_the_scan():
    args = draw(length=200, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = ssd(*args)
    assert error(y, recurrence(*args)[0]) < 1e-5


@pytest.mark.parametrize("chunk", [None, 1, 3])
def test_gradients(chunk):
    x, log_decay, b, c = draw(batch=1, length=7, heads=2, channels=2, size=2, decay=0.9)
    state = torch.randn(1, 2, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs = tuple(t.requires_grad_() for t in (x, log_decay, b, c, state))
    assert torch.autograd.gradcheck(lambda x, a, b, c, s: ssd(x, a, b, c, chunk=chunk, state=s), inputs)
    assert torch.autograd.gradcheck(lambda x, a, b, c, s: ssd_step(x[:, 0], a[:, 0], b[:, 0], c[:, 0], s), inputs)


@settings(max_examples=10, deadline=None)
@given(chunk=chunks, shape=st.fixed_dictionaries(shapes))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_gradients_equal_the_recurrence(dtype, tolerance, chunk, shape):
    def gradients(scan, args, **options):
        leaves = [t.detach().to(dtype).requires_grad_() for t in args]
        y, state = scan(*leaves, **options)
        return torch.autograd.grad(y.square().mean() + state.square().mean(), leaves)

    args = draw(**{**shape, "decay": min(shape["decay"], 1.0)})
    args = tuple(t.to(dtype).double() for t in args)
    x, log_decay, b, c = args
    want, terms = gradients(recurrence, args), gradients(recurrence, (x.abs(), log_decay, b.abs(), c.abs()))
    for got, expected, size in zip(gradients(ssd, args, chunk=chunk), want, terms, strict=True):
        assert (got - expected).abs().max() <= tolerance * max(size.abs().max(), terms[0].abs().max())


def test_ten_thousand_tokens_in_a_stream():
    args = draw(batch=1, length=10_000, heads=2, channels=4, size=4, decay=0.01, dtype=torch.float32)
    whole, end = ssd(*args)
    outputs, first, second = [], 3_000, 9_001
    y, state = ssd(*(t[:, :first] for t in args))
    outputs.append(y)
    for t in range(first, first + 500):
        y, state = ssd_step(*(t_[:, t] for t_ in args), state)
        outputs.append(y.unsqueeze(1))
    y, state = ssd(*(t[:, first + 500 : second] for t in args), state=state)
    outputs.append(y)
    for t in range(second, 10_000):
        y, state = ssd_step(*(t_[:, t] for t_ in args), state)
        outputs.append(y.unsqueeze(1))
    assert error(torch.cat(outputs, 1), whole) < 1e-5
    assert error(state, end) < 1e-5
    assert state.shape == (1, 2, 4, 4) and state.dtype == torch.float32  # as many bytes as after one token


def test_the_smooth_bound_keeps_slow_decays_and_never_loses_the_gradient():
    rate = torch.tensor([0.0, 1e-3, 1.0, 30.0, 1e4], dtype=torch.float64, requires_grad=True)
    log_decay = bound_log_decay(rate)
    (slope,) = torch.autograd.grad(log_decay.sum(), rate)
    assert log_decay.max() <= 0 and log_decay.min() > LOG_DECAY_MIN
    assert (log_decay[1] + 1e-3).abs() < 2e-6
    assert (slope < 0).all() and (log_decay.diff() < 0).all()
    assert torch.autograd.gradcheck(bound_log_decay, rate)


def test_later_tokens_do_not_change_earlier_outputs():
    x, log_decay, b, c = draw(length=100)
    y, _ = ssd(x, log_decay, b, c)
    changed, _ = ssd(x.index_fill(1, torch.tensor([70]), 5.0), log_decay, b, c)
    assert torch.equal(y[:, :70], changed[:, :70])
    assert not torch.allclose(y[:, 70], changed[:, 70])


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("gradients", [True, False])
def test_torch_func_maps_and_differentiates_it(gradients):
    x, *others = draw(3, 70)
    with torch.set_grad_enabled(gradients):
        mapped = torch.func.vmap(lambda *row: ssd(*(t[None] for t in row))[0][0])(x, *others)
        _, tangent = torch.func.jvp(lambda x: ssd(x, *others)[0], (x,), (x.flip(1),))
    assert error(mapped, ssd(x, *others)[0]) < 1e-10
    assert error(tangent, ssd(x.flip(1), *others)[0]) < 1e-10
