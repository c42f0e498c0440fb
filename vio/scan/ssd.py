"""Chunked state-space scan with a scalar decay a head (SSD), and its one-token step.

The recurrence is that of Mamba-2 (Dao & Gu, "Transformers are SSMs", arXiv 2405.21060, section 6 for the chunked form
and listing 1 for its reference code):

    h_t = exp(log_decay_t) h_{t-1} + b_t x_t^T        y_t = c_t^T h_t

The listing builds exp(segsum(log_decay)), one chunk x chunk matrix of decays a head. Here the decay is factored,
exp(l_t - l_s) = exp(l_t - m) exp(m - l_s), so the first factor scales an output row, the second an input row, and
between them stands one matrix product shared by all heads.

Letters:
    B  batch          L  length in tokens      H  heads      P  channels a head      N  state size a channel
    S  tokens a segment                        K  chunks of a segment                Q  tokens a chunk
    l  cumulative log decay inside a chunk, in [l_end, 0]     m  l_end / 2, the middle of l's range
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vio.pieces import Joined, is_plain_inference
from vio.scan.checks import check_input, check_shape, check_state, check_state_size, full_precision, scan_dtype

LOG_DECAY_MIN = -1.0
"""Fastest decay a token, exp(-1) = 0.37: ten tokens leave 5e-5. Slower is free, faster is clamped to this.

The factors reach exp(Q |LOG_DECAY_MIN| / 2). At DEFAULT_CHUNK that is exp(32) = 8e13, which leaves 4e24 of float32's
range (exp(88.7)) to the inputs; at MAX_CHUNK exp(64) = 6e27, which leaves 5e10. It holds in `ssd` for every chunk size
and in `ssd_step`, so that they all compute the same function. The clamp has no gradient beyond the bound: what is to
be learned should come through `bound_log_decay`."""

DEFAULT_CHUNK = 64
MAX_CHUNK = 128

SEGMENT_ELEMENTS = 3 * 2**17
"""Inputs (H P a token) that are worked on at a time: temporaries of 1.5 MiB in float32, whatever the length. On a CPU
they stay in the cache and in the heap. Where each took 3 MiB, glibc gave their pages back and fetched them again, and
the scan of 4,096 tokens of width 192 took 1.4 to 1.9 times as long."""


def ssd(
    x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, *, chunk: int | None = None, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over a whole sequence.

    Costs B L (Q N + Q H P + 2 N H P) MACs: scores, scores times inputs, writing to and reading from the state; L
    counts the zeros that fill the last chunk. Linear in L. In plain inference on a CPU it holds at most
    B (L H P + S (2 H P + 2 N H P / Q + Q + 2 N + 4 H + 2 H / Q) + 4 N H P) numbers beside its arguments: the output,
    the work on one segment, and states. S is about SEGMENT_ELEMENTS / (H P); a sequence that is no longer needs neither
    L H P nor 2 N, and only 3 N H P.

    NaN or infinity in a token spoils its whole chunk, so earlier tokens too, and all that follows.

    Args:
        x: inputs, (B, L, H, P), any floating dtype.
        log_decay: log of the decay of each head, (B, L, H), clamped to [LOG_DECAY_MIN, 0].
        b: input vectors shared by the heads, (B, L, N).
        c: output vectors shared by the heads, (B, L, N).
        chunk: tokens a chunk, 1 to MAX_CHUNK. It changes the speed and nothing else. By default a segment is cut into
            the fewest equal chunks of at most DEFAULT_CHUNK tokens.
        state: state before the first token, (B, H, N, P), float32 or float64; zero if not given.

    Returns:
        y, (B, L, H, P) in x's dtype, and the state after the last token, (B, H, N, P) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape or dtype, is empty or too long, or the chunk is out of range.
    """
    batch, length, heads, channels = check_input("x", x, "batch, length, heads, channels")
    check_shape("log_decay", log_decay, (batch, length, heads))
    size = check_state_size("b", b, "batch, length, state size")
    check_shape("b", b, (batch, length, size))
    check_shape("c", c, (batch, length, size))
    if state is None:
        state = x.new_zeros(batch, heads, size, channels, dtype=scan_dtype(x))
    check_state(state, (batch, heads, size, channels))
    if chunk is not None and not 1 <= chunk <= MAX_CHUNK:
        raise ValueError(f"chunk must be between 1 and {MAX_CHUNK}, got {chunk}")

    with full_precision(x.device.type):
        carried = state.to(scan_dtype(x)).transpose(1, 2)  # (B, N, H, P)
        outputs = Joined(length, 1)
        tokens = segment_length(heads * channels, chunk)
        parts = (t.split(tokens, 1) for t in (x, log_decay, b, c))
        for inputs, decays, writes, reads in zip(*parts, strict=True):
            y, carried = _segment(inputs, decays, writes, reads, carried, chunk)
            outputs.append(y)
            del y  # a segment is not kept while the next is worked on
        return outputs.whole(), carried.transpose(1, 2).contiguous()


def ssd_step(x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Advance the recurrence of `ssd` by one token.

    Costs B N H P MACs to read the state, and 2 B N H P multiplications and B N H P additions to write it.

    Args:
        x: input, (B, H, P).
        log_decay: log of the decay of each head, (B, H), clamped to [LOG_DECAY_MIN, 0].
        b: input vector shared by the heads, (B, N).
        c: output vector shared by the heads, (B, N).
        state: state before the token, (B, H, N, P), float32 or float64; it is not changed.

    Returns:
        y, (B, H, P) in x's dtype, and the state after the token, (B, H, N, P) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape or dtype, or is empty.
    """
    batch, heads, channels = check_input("x", x, "batch, heads, channels")
    check_shape("log_decay", log_decay, (batch, heads))
    size = check_state_size("b", b, "batch, state size")
    check_shape("b", b, (batch, size))
    check_shape("c", c, (batch, size))
    check_state(state, (batch, heads, size, channels))

    dtype = scan_dtype(x)
    with full_precision(x.device.type):
        decay = log_decay.to(dtype).clamp(LOG_DECAY_MIN, 0.0).exp()[:, :, None, None]  # (B, H, 1, 1)
        write = b.to(dtype)[:, None, :, None] * x.to(dtype)[:, :, None, :]  # (B, H, N, P)
        state = torch.addcmul(write, state.to(dtype), decay)
        c = c.to(dtype)[:, None, None, :].expand(-1, heads, -1, -1)  # (B, H, 1, N), so that MAC counters see all heads
        y = torch.matmul(c, state).squeeze(2)  # (B, H, P)
        return y.to(x.dtype), state


def segment_length(width: int, chunk: int | None = None) -> int:
    """Tokens of `width` channels that a CPU should work on at a time, whole chunks.

    It depends on nothing but the model, so neither does the exported graph.
    """
    chunk = chunk or DEFAULT_CHUNK
    return max(1, SEGMENT_ELEMENTS // (width * chunk)) * chunk


def bound_log_decay(rate: Tensor) -> Tensor:
    """Log decays from rates (dt |A| >= 0, any shape): -rate while slow, bending towards LOG_DECAY_MIN when fast.

    The gradient falls as 1 / (1 + rate)^2 and is never cut off, so that a head which forgets too fast can come back.
    """
    return -rate / (1.0 - rate / LOG_DECAY_MIN)


def _segment(
    x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, state: Tensor, chunk: int | None
) -> tuple[Tensor, Tensor]:
    """Scan a segment, (B, S, ...), in chunks. The state enters and leaves as (B, N, H, P)."""
    batch, length, heads, channels = x.shape
    size, dtype, x_dtype = b.shape[2], state.dtype, x.dtype
    length = int(length)  # a Python number also under torch.jit.trace: the loop over chunks has a fixed length
    chunks = -(-length // (chunk or DEFAULT_CHUNK))
    chunk = chunk or -(-length // chunks)
    x, b, c = x.to(dtype), b.to(dtype), c.to(dtype)
    log_decay = log_decay.to(dtype).clamp(LOG_DECAY_MIN, 0.0)
    pad = chunks * chunk - length
    if pad:  # an input of 0 and a decay of 1: padded tokens leave the state as it is
        x = F.pad(x, (0, 0, 0, 0, 0, pad))
        b, c, log_decay = (F.pad(t, (0, 0, 0, pad)) for t in (b, c, log_decay))

    cumulative = log_decay.reshape(batch, chunks, chunk, heads).cumsum(2)  # (B, K, Q, H)
    middle = cumulative[:, :, -1:] * 0.5  # (B, K, 1, H)
    centred = (cumulative - middle).unsqueeze(-1)  # (B, K, Q, H, 1)
    u = x.reshape(batch, chunks, chunk, heads, channels) * (-centred).exp()  # (B, K, Q, H, P)
    u = u.reshape(batch * chunks, chunk, heads * channels)  # (B K, Q, H P)
    b = b.reshape(batch * chunks, chunk, size)  # (B K, Q, N)
    c = c.reshape(batch * chunks, chunk, size)  # (B K, Q, N)

    # Inside a chunk. The mask is on the scores, which are finite, before they meet the large factors.
    scores = torch.bmm(c, b.transpose(1, 2)).tril_()  # (B K, Q, Q)
    y = torch.bmm(scores, u)  # (B K, Q, H P)

    # Between chunks.
    writes = torch.bmm(b.transpose(1, 2), u).reshape(batch, chunks, size, heads, channels)  # (B, K, N, H, P)
    reads, state = _carry(writes, middle.exp().unsqueeze(-1), state)
    y.baddbmm_(c, reads.reshape(batch * chunks, size, heads * channels))  # (B K, Q, H P)

    y = y.reshape(batch, chunks, chunk, heads, channels).mul_(centred.exp())  # (B, K, Q, H, P)
    return y.reshape(batch, chunks * chunk, heads, channels)[:, :length].to(x_dtype), state


def _carry(writes: Tensor, half: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Carry the state (B, N, H, P) over the chunks' writes (B, K, N, H, P), given their half decays (B, K, 1, H, 1).

    A chunk decays the state by half * half and its own writes, which are taken at its middle, by half. What it reads
    is the state at its middle; so a middle decays to the next by this half and the next.

    Returns:
        The state at the middle of each chunk if it wrote nothing, (B, K, N, H, P), and after the last, (B, N, H, P).
        In plain inference the writes are overwritten.
    """
    to_next = half * F.pad(half[:, 1:], (0, 0, 0, 0, 0, 0, 0, 1), value=1.0)  # (B, K, 1, H, 1)
    state = state * half[:, 0]
    if is_plain_inference(writes):
        return _carry_in_place(writes, to_next, state)
    middles = []
    for write, decay in zip(writes.unbind(1), to_next.unbind(1), strict=True):
        middles.append(state)
        state = (state + write) * decay
    return torch.stack(middles, 1), state


def _carry_in_place(writes: Tensor, to_next: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """What the loop of `_carry` computes, each state straight in its place.

    At 4,096 tokens of width 192, stacking the states afterwards took 3 % of the time of the whole mixer.
    """
    middles = torch.empty_like(writes)
    places = middles.unbind(1)
    places[0].copy_(state)
    steps = zip(writes[:, :-1].unbind(1), to_next[:, :-1].unbind(1), places[:-1], places[1:], strict=True)
    for write, decay, middle, following in steps:
        following.copy_(write.add_(middle)).mul_(decay)
    return middles, writes[:, -1].add_(places[-1]) * to_next[:, -1]
