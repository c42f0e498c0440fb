"""The chunked scan against the recurrence it stands for, written here token by token in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vio.scan import LOG_DECAY_MIN, MAX_CHUNK, ssd, ssd_step


def recurrence(x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    x, log_decay, b, c = (t.double() for t in (x, log_decay, b, c))
    decay = log_decay.clamp(LOG_DECAY_MIN, 0).exp()
    h = x.new_zeros(x.shape[0], x.shape[2], b.shape[2], x.shape[3])
    outputs = []
    for t in range(x.shape[1]):
        h = decay[:, t, :, None, None] * h + b[:, t, None, :, None] * x[:, t, :, None, :]
        outputs.append((c[:, t, None, :, None] * h).sum(2))
    return torch.stack(outputs, 1), h


def draw(
    batch: int = 2, length: int = 20, heads: int = 3, channels: int = 4, size: int = 5,
    *, decay: float = 1.0, seed: int = 0, dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, length, heads, channels, generator=g, dtype=torch.float64)
    log_decay = -decay * torch.rand(batch, length, heads, generator=g, dtype=torch.float64)
    b = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    c = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    return x.to(dtype), log_decay.to(dtype), b.to(dtype), c.to(dtype)


def error(got: Tensor, want: Tensor) -> float:
    """Largest error, relative to the largest value."""
    return ((got.double() - want).abs().max() / want.abs().max()).item()


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
    assert y.dtype == state.dtype == dtype
    assert error(y, want_y) < tolerance
    assert error(state, want_state) < tolerance


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


def test_later_tokens_do_not_change_earlier_outputs():
    x, log_decay, b, c = draw(length=100)
    y, _ = ssd(x, log_decay, b, c)
    changed, _ = ssd(x.index_fill(1, torch.tensor([70]), 5.0), log_decay, b, c)
    assert torch.equal(y[:, :70], changed[:, :70])
    assert not torch.allclose(y[:, 70], changed[:, 70])


@pytest.mark.parametrize("name", ["log_decay", "b", "c", "state"])
def test_a_wrong_shape_is_named(name):
    x, log_decay, b, c = draw()
    args = {"x": x, "log_decay": log_decay, "b": b, "c": c, "state": torch.zeros(2, 3, 5, 4)}
    args[name] = args[name].unsqueeze(-1)
    with pytest.raises(ValueError, match=f"^{name} must"):
        ssd(**args)
    step = {key: value if key == "state" else value[:, 0] for key, value in args.items()}
    with pytest.raises(ValueError, match=f"^{name} must"):
        ssd_step(**step)


def test_other_errors_name_the_argument():
    x, log_decay, b, c = draw()
    with pytest.raises(ValueError, match=r"^x must be"):
        ssd(x[0], log_decay, b, c)
    with pytest.raises(ValueError, match=r"^x must be"):
        ssd_step(x, log_decay, b, c, torch.zeros(2, 3, 5, 4))
    with pytest.raises(ValueError, match=r"^x has length 0"):
        ssd(x[:, :0], log_decay[:, :0], b[:, :0], c[:, :0])
    for chunk in (0, -1, MAX_CHUNK + 1):
        with pytest.raises(ValueError, match=r"^chunk must be between 1 and 128"):
            ssd(x, log_decay, b, c, chunk=chunk)
