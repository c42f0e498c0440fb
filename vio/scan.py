"""Chunked state-space scan with a scalar decay a head (SSD), and its one-token step.

The recurrence is that of Mamba-2 (Dao & Gu, "Transformers are SSMs", arXiv 2405.21060, section 6 for the
chunked form and listing 1 for its reference code):

    h_t = exp(log_decay_t) h_{t-1} + b_t x_t^T        y_t = c_t^T h_t

The listing builds exp(segsum(log_decay)), one chunk x chunk matrix of decays a head. Here the decay is factored,
exp(l_t - l_s) = exp(l_t - m) exp(m - l_s), so the first factor scales an output row, the second an input row, and
between them stands one matrix product shared by all heads.

Letters:
    B  batch          L  length in tokens      H  heads      P  channels a head      N  state size a channel
    K  chunks         Q  tokens a chunk        l  cumulative log decay inside a chunk, in [l_end, 0]
    m  l_end / 2, the middle of l's range
"""

from __future__ import annotations

import contextlib

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_DECAY_MIN = -1.0
"""Fastest decay a token, exp(-1) = 0.37: ten tokens leave 5e-5. Slower is free, faster is clamped to this.

The factors reach exp(Q |LOG_DECAY_MIN| / 2). At DEFAULT_CHUNK that is exp(32) = 8e13, which leaves 4e24 of float32's
range (exp(88.7)) to the inputs; at MAX_CHUNK exp(64) = 6e27, which leaves 5e10. It holds in `ssd` for every chunk size
and in `ssd_step`, so that they all compute the same function."""

DEFAULT_CHUNK = 64
MAX_CHUNK = 128


def ssd(
    x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, *, chunk: int | None = None, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over a whole sequence.

    Costs B L (Q N + Q H P + 2 N H P) MACs: scores, scores times inputs, writing to and reading from the state.
    Linear in L. Live memory is O(L (Q + H P)).

    Args:
        x: inputs, (B, L, H, P), any floating dtype.
        log_decay: log of the decay of each head, (B, L, H), clamped to [LOG_DECAY_MIN, 0].
        b: input vectors shared by the heads, (B, L, N).
        c: output vectors shared by the heads, (B, L, N).
        chunk: tokens a chunk, 1 to MAX_CHUNK. It changes the speed and nothing else. By default the sequence is cut
            into the fewest equal chunks of at most DEFAULT_CHUNK tokens.
        state: state before the first token, (B, H, N, P); zero if not given.

    Returns:
        y, (B, L, H, P) in x's dtype, and the state after the last token, (B, H, N, P) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape, the sequence is empty, or the chunk is out of range.
    """
    if x.ndim != 4:
        raise ValueError(f"x must be (batch, length, heads, channels), got shape {tuple(x.shape)}")
    batch, length, heads, channels = x.shape
    if length == 0:
        raise ValueError("x has length 0: the scan needs at least one token")
    _check_shape("log_decay", log_decay, (batch, length, heads))
    if b.ndim != 3:
        raise ValueError(f"b must be (batch, length, state size), got shape {tuple(b.shape)}")
    size = b.shape[2]
    _check_shape("b", b, (batch, length, size))
    _check_shape("c", c, (batch, length, size))
    if state is not None:
        _check_shape("state", state, (batch, heads, size, channels))

    length = int(length)  # a Python number also under torch.jit.trace: the loop below has a fixed length
    if chunk is None:
        chunk = -(-length // -(-length // DEFAULT_CHUNK))
    elif not 1 <= chunk <= MAX_CHUNK:
        raise ValueError(f"chunk must be between 1 and {MAX_CHUNK}, got {chunk}")
    chunk = min(chunk, length)
    chunks = -(-length // chunk)
    pad = chunks * chunk - length

    dtype = torch.promote_types(x.dtype, torch.float32)
    with _full_precision(x.device.type):
        u = x.to(dtype)
        b, c = b.to(dtype), c.to(dtype)
        log_decay = log_decay.to(dtype).clamp(LOG_DECAY_MIN, 0.0)
        if pad:  # an input of 0 and a decay of 1: padded tokens leave the state as it is
            u = F.pad(u, (0, 0, 0, 0, 0, pad))
            b, c, log_decay = (F.pad(t, (0, 0, 0, pad)) for t in (b, c, log_decay))

        cumulative = log_decay.reshape(batch, chunks, chunk, heads).cumsum(2)  # (B, K, Q, H)
        middle = cumulative[:, :, -1:] * 0.5  # (B, K, 1, H)
        centred = cumulative - middle
        half = middle.exp().unsqueeze(-1)  # (B, K, 1, H, 1), the decay of half a chunk
        u = u.reshape(batch, chunks, chunk, heads, channels) * (-centred).exp().unsqueeze(-1)  # (B, K, Q, H, P)
        u = u.reshape(batch * chunks, chunk, heads * channels)  # (B K, Q, H P)
        b = b.reshape(batch * chunks, chunk, size)  # (B K, Q, N)
        c = c.reshape(batch * chunks, chunk, size)  # (B K, Q, N)

        # Inside a chunk. The mask is on the scores, which are finite, before they meet the large factors.
        scores = torch.bmm(c, b.transpose(1, 2)).tril()  # (B K, Q, Q)
        y = torch.bmm(scores, u)  # (B K, Q, H P)

        # Between chunks. A chunk decays the state by half * half and its own writes by half.
        writes = torch.bmm(b.transpose(1, 2), u)  # (B K, N, H P)
        writes = writes.reshape(batch, chunks, size, heads, channels)  # (B, K, N, H, P)
        if state is None:
            state = u.new_zeros(batch, heads, size, channels)
        carried = state.to(dtype).transpose(1, 2)  # (B, N, H, P)
        entering = []
        for k in range(chunks):
            entering.append(carried * half[:, k])
            carried = (entering[k] + writes[:, k]) * half[:, k]
        reads = torch.stack(entering, dim=1).reshape(batch * chunks, size, heads * channels)  # (B K, N, H P)
        y = torch.baddbmm(y, c, reads)  # (B K, Q, H P)

        y = y.reshape(batch, chunks, chunk, heads, channels) * centred.exp().unsqueeze(-1)  # (B, K, Q, H, P)
        y = y.reshape(batch, chunks * chunk, heads, channels)[:, :length]  # (B, L, H, P)
        return y.to(x.dtype), carried.transpose(1, 2).contiguous()


def ssd_step(x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Advance the recurrence of `ssd` by one token. Costs 2 B N H P MACs.

    Args:
        x: input, (B, H, P).
        log_decay: log of the decay of each head, (B, H), clamped to [LOG_DECAY_MIN, 0].
        b: input vector shared by the heads, (B, N).
        c: output vector shared by the heads, (B, N).
        state: state before the token, (B, H, N, P); it is not changed.

    Returns:
        y, (B, H, P) in x's dtype, and the state after the token, (B, H, N, P) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape.
    """
    if x.ndim != 3:
        raise ValueError(f"x must be (batch, heads, channels), got shape {tuple(x.shape)}")
    batch, heads, channels = x.shape
    _check_shape("log_decay", log_decay, (batch, heads))
    if b.ndim != 2:
        raise ValueError(f"b must be (batch, state size), got shape {tuple(b.shape)}")
    size = b.shape[1]
    _check_shape("b", b, (batch, size))
    _check_shape("c", c, (batch, size))
    _check_shape("state", state, (batch, heads, size, channels))

    dtype = torch.promote_types(x.dtype, torch.float32)
    with _full_precision(x.device.type):
        decay = log_decay.to(dtype).clamp(LOG_DECAY_MIN, 0.0).exp()[:, :, None, None]  # (B, H, 1, 1)
        write = b.to(dtype)[:, None, :, None] * x.to(dtype)[:, :, None, :]  # (B, H, N, P)
        state = state.to(dtype) * decay + write
        y = torch.matmul(c.to(dtype)[:, None, None, :], state).squeeze(2)  # (B, H, P)
        return y.to(x.dtype), state


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)} to fit the other arguments, got {tuple(tensor.shape)}")


def _full_precision(device_type: str) -> contextlib.AbstractContextManager[object]:
    """Switch autocast off where it is on: half-precision products would overflow between the two factors."""
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return contextlib.nullcontext()
