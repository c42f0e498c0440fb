"""Selective scan with a decay a channel and state entry, as in Mamba-1, and its one-token step.

The recurrence is that of Mamba (Gu & Dao, arXiv 2312.00752, section 3.2, equation 2 and algorithm 2), with the
simplified discretisation of its reference code (A by zero-order hold, B by Euler):

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t        y_t = C_t^T h_t + D x_t

Decays differ in every entry of the state, so there is no matrix product to make of it, and factors of cumulative decay
overflow. The form here multiplies decays and never divides by them, which is exact and finite for every dt A <= 0: a
segment is cut into about as many chunks as a chunk has tokens, and all chunks advance together, token by token. First
from a state of zero, to learn what each chunk writes; then, after the writes have been carried from chunk to chunk,
from the states that truly enter. That is about 3 sqrt(S) operations in a row where the plain recurrence takes S.

Letters:
    B  batch        L  length in tokens        D  channels (as an argument, the weight of the skip)        N  state size
    S  tokens a segment                        K  chunks of a segment                                  Q  tokens a chunk
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vio.pieces import Joined
from vio.scan.checks import check_input, check_shape, check_state, check_state_size, full_precision, scan_dtype

SEGMENT_ELEMENTS = 2**22
"""States (D N a token) that are held at a time: 16 MiB of float32, and as much of decays. Longer sequences are scanned
in segments, so that without gradients memory does not grow with length."""


def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over a whole sequence.

    Costs B L N D MACs in matrix products (reading the state), and elementwise B L N D exponentials and 6 B L N D
    multiplications and additions; L counts the zeros that fill the last chunk of a segment.
    Linear in L. Without gradients it holds at most B (L D + S (2 N D + 6 D) + (5 K + 4) N D) numbers beside its
    arguments, S about SEGMENT_ELEMENTS / (D N) and K about sqrt(S).

    Args:
        x: inputs, (B, L, D), any floating dtype.
        dt: step sizes, (B, L, D), >= 0.
        A: decay rates, (D, N), <= 0. A positive rate grows without bound, as the recurrence does.
        B: input vectors shared by the channels, (B, L, N).
        C: output vectors shared by the channels, (B, L, N).
        D: weights of the skip, (D); no skip if not given.
        state: state before the first token, (B, D, N), float32 or float64; zero if not given.

    Returns:
        y, (B, L, D) in x's dtype, and the state after the last token, (B, D, N) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape or dtype, or is empty or too long.
    """
    batch, length, channels = check_input("x", x, "batch, length, channels")
    check_shape("dt", dt, (batch, length, channels))
    size = _check_weights(A, D, channels)
    check_shape("B", B, (batch, length, size))
    check_shape("C", C, (batch, length, size))
    if state is None:
        state = x.new_zeros(batch, channels, size, dtype=scan_dtype(x))
    check_state(state, (batch, channels, size))

    dtype = scan_dtype(x)
    tokens = max(1, SEGMENT_ELEMENTS // (channels * size))
    with full_precision(x.device.type):
        rates = A.to(dtype).t().contiguous()  # (N, D): channels last, so that elementwise work runs along them
        carried = state.to(dtype).transpose(1, 2)  # (B, N, D)
        outputs = Joined(length, 1)
        for part in zip(*(t.split(tokens, 1) for t in (x, dt, B, C)), strict=True):
            u, step, write, read = (t.to(dtype) for t in part)
            y, carried = _segment(u * step, step, rates, write, read, carried)
            outputs.append((y if D is None else torch.addcmul(y, u, D.to(dtype))).to(x.dtype))
        return outputs.whole(), carried.transpose(1, 2).contiguous()


def selective_step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None, *, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Advance the recurrence of `selective_scan` by one token.

    Costs B N D MACs to read the state, and B N D exponentials and 4 B N D multiplications and additions to write it.

    Args:
        x: input, (B, D).
        dt: step sizes, (B, D), >= 0.
        A: decay rates, (D, N), <= 0.
        B: input vector shared by the channels, (B, N).
        C: output vector shared by the channels, (B, N).
        D: weights of the skip, (D); no skip if not given.
        state: state before the token, (B, D, N), float32 or float64; it is not changed.

    Returns:
        y, (B, D) in x's dtype, and the state after the token, (B, D, N) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape or dtype, or is empty.
    """
    batch, channels = check_input("x", x, "batch, channels")
    check_shape("dt", dt, (batch, channels))
    size = _check_weights(A, D, channels)
    check_shape("B", B, (batch, size))
    check_shape("C", C, (batch, size))
    check_state(state, (batch, channels, size))

    dtype = scan_dtype(x)
    with full_precision(x.device.type):
        u, step = x.to(dtype), dt.to(dtype)
        decay = (step.unsqueeze(-1) * A.to(dtype)).exp()  # (B, D, N)
        write = (step * u).unsqueeze(-1) * B.to(dtype).unsqueeze(1)  # (B, D, N)
        state = torch.addcmul(write, decay, state.to(dtype))
        y = torch.matmul(state, C.to(dtype).unsqueeze(-1)).squeeze(-1)  # (B, D)
        if D is not None:
            y = torch.addcmul(y, u, D.to(dtype))
        return y.to(x.dtype), state


def _check_weights(A: Tensor, D: Tensor | None, channels: int) -> int:
    """Check the arguments without a token axis, and give the state size."""
    size = check_state_size("A", A, "channels, state size")
    check_shape("A", A, (channels, size))
    if D is not None:
        check_shape("D", D, (channels,))
    return size


def _segment(u: Tensor, dt: Tensor, rates: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Scan a segment, (B, S, ...), of inputs u that the step sizes have scaled. State: (B, N, D), rates: (N, D)."""
    length = int(u.shape[1])
    tokens = _chunk_length(length)
    chunks = -(-length // tokens)
    pad = chunks * tokens - length
    if pad:  # a step of 0 decays nothing, an input of 0 writes nothing: padded tokens leave the state as it is
        u, dt, b, c = (F.pad(t, (0, 0, 0, pad)) for t in (u, dt, b, c))
    # Q lists of what all chunks need at the same token: (B, K, D) and (B, K, N).
    u_at, dt_at, b_at, c_at = (t.reshape(t.shape[0], chunks, tokens, -1).unbind(2) for t in (u, dt, b, c))
    decays = [(step.unsqueeze(2) * rates).exp() for step in dt_at]  # (B, K, N, D) each
    writes = [b_t.unsqueeze(-1) * u_t.unsqueeze(2) for b_t, u_t in zip(b_at, u_at, strict=True)]  # the same

    h = writes[0]
    for decay, write in zip(decays[1:], writes[1:], strict=True):
        h = torch.addcmul(write, decay, h)
    whole = dt.reshape(dt.shape[0], chunks, tokens, -1).sum(2).unsqueeze(2)  # (B, K, 1, D)
    h, state = _carry(h, (whole * rates).exp(), state)

    outputs = []
    for decay, write, read in zip(decays, writes, c_at, strict=True):
        h = torch.addcmul(write, decay, h)
        outputs.append(torch.matmul(read.unsqueeze(2), h).squeeze(2))  # (B, K, D)
    y = torch.stack(outputs, 2).reshape(u.shape)  # (B, K Q, D)
    return y[:, :length], state


def _chunk_length(length: int) -> int:
    """The square root, rounded up. math.isqrt would do, but torch.compile knows nothing of it."""
    tokens = 1
    while tokens * tokens < length:
        tokens += 1
    return tokens


def _carry(writes: Tensor, decays: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Carry the state (B, N, D) over the chunks' writes and decays, (B, K, N, D).

    Returns:
        The state that enters each chunk, (B, K, N, D), and the one that leaves the last, (B, N, D).
    """
    entering = []
    for write, decay in zip(writes.unbind(1), decays.unbind(1), strict=True):
        entering.append(state)
        state = torch.addcmul(write, decay, state)
    return torch.stack(entering, 1), state
