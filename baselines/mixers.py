"""Token mixers alone, (B, L, C) -> (B, L, C) with their projections, all with an inner width of C.

Letters, as in ``vio.scan``:
    B  batch    L  length in tokens    C  width    H  heads    P  channels a head    N  state size a channel
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.mamba_block import MambaBlock
from vio.pieces import Joined
from vio.scan import LOG_DECAY_MIN, segment_length, selective_scan, ssd, ssd_noncausal
from vio.scan.checks import LENGTH_MAX
from vio.tokens import TokenConv

_RATES, _STEPS, _TAPS = (1.0, 8.0), (1e-3, 1e-1), 4


class Scan(Protocol):
    """A recurrence over tokens, from a state."""

    def __call__(
        self, x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, *, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """x (B, L, H, P), log_decay (B, L, H), b and c (B, L, N), state (B, H, N, P) -> y as x, and the state after."""


class ScalarDecayMixer(nn.Module):
    """The SSD layer of Mamba-2 (arXiv 2405.21060, section 7) with b and c shared by the heads, around any ``scan``.

    It works on a segment of tokens at a time, as `MambaBlock` does. Its projections and short convolution take
    L (3 C^2 + 2 C N + C H + 4 C) MACs, whatever the scan.
    """

    def __init__(self, width: int, head_width: int, state_size: int, scan: Scan, segment: int) -> None:
        super().__init__()
        self.heads, self.scan, self.segment = width // head_width, scan, segment
        self.short = TokenConv(width, _TAPS, causal=True)
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.b_and_c = nn.Linear(width, 2 * state_size, bias=False)
        self.step = nn.Linear(width, self.heads)
        self.log_rate = nn.Parameter(torch.empty(self.heads).uniform_(*_RATES).log())
        self.skip = nn.Parameter(torch.ones(self.heads, 1))
        self.out = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            self.step.bias.copy_(_log_uniform(self.heads).logit())

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        length, state = x.shape[1], None
        outputs = Joined(length, 1)
        for first in range(0, length, self.segment):
            last = min(first + self.segment, length)
            u = F.silu(self.short.between(x, first, last))  # (B, S, C)
            y, state = self._mix(x[:, first:last], u, state)
            outputs.append(y)
            del y  # a segment is not kept while the next is worked on
        return outputs.whole()

    def _mix(self, x: Tensor, u: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        batch, length, width = x.shape
        step = torch.sigmoid(self.step(u))  # (B, S, H)
        v = self.value(u).reshape(batch, length, self.heads, width // self.heads)  # (B, S, H, P)
        b, c = F.normalize(self.b_and_c(u).unflatten(2, (2, -1)), dim=-1).unbind(2)  # (B, S, N)
        y, state = self.scan(v * step.unsqueeze(-1), -step * self.log_rate.exp(), b, c, state=state)  # (B, S, H, P)
        y = y.addcmul_(v, self.skip).reshape(batch, length, width)  # (B, S, C)
        return self.out(y * F.silu(self.gate(x))), state


def chunked(width: int, head_width: int, state_size: int) -> ScalarDecayMixer:
    """VIO's causal scan in chunks."""
    return ScalarDecayMixer(width, head_width, state_size, ssd, segment_length(width))


def block(width: int, head_width: int, state_size: int) -> nn.Module:
    """VIO's block as its models have it, with norm, residual and three short convolutions, but an inner width of C."""
    return MambaBlock(width, head_width=head_width, state_size=state_size, expansion=1)


def sequential(width: int, head_width: int, state_size: int) -> ScalarDecayMixer:
    """The same function one token at a time: what a scan costs that is not made of matrix products."""
    return ScalarDecayMixer(width, head_width, state_size, sequential_scan, segment_length(width))


def single_pass(width: int, head_width: int, state_size: int) -> ScalarDecayMixer:
    """VIO's non-causal form: one state, written by every token and read by every token, so all in one segment."""
    return ScalarDecayMixer(width, head_width, state_size, _single_pass, LENGTH_MAX)


def _single_pass(x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, *, state: Tensor | None) -> tuple[Tensor, Tensor]:
    assert state is None, "a form without order carries nothing"
    return ssd_noncausal(x, log_decay, b, c)


def sequential_scan(
    x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, *, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The recurrence of ``vio.scan.ssd`` in one Python step a token; the read-out alone takes MACs, B L N H P.

    Sequences are unbound before the loop: the backward of an index would make a tensor of the whole length a step.
    """
    batch, length, heads, channels = x.shape
    decay = log_decay.clamp(LOG_DECAY_MIN, 0.0).exp().repeat_interleave(channels, 2)  # (B, L, H P)
    inputs = x.reshape(batch, length, 1, heads * channels).unbind(1)  # L times (B, 1, H P)
    writes, reads = b.unsqueeze(3).unbind(1), c.unsqueeze(2).unbind(1)  # L times (B, N, 1) and (B, 1, N)
    if state is None:
        state = x.new_zeros(batch, heads, b.shape[2], channels)
    carried = state.transpose(1, 2).reshape(batch, b.shape[2], heads * channels)  # (B, N, H P)
    outputs = []
    for u, d, write, read in zip(inputs, decay.unsqueeze(2).unbind(1), writes, reads, strict=True):
        carried = torch.addcmul(carried * d, write, u)
        outputs.append(torch.bmm(read, carried))  # (B, 1, H P)
    y = torch.cat(outputs, 1).reshape(x.shape)
    return y, carried.reshape(batch, -1, heads, channels).transpose(1, 2)


class SelectiveScanMixer(nn.Module):
    """The Mamba layer (arXiv 2312.00752, section 3.4): VIO's per-channel scan, a decay for every channel and state.

    Its projections and short convolution take L (3 C^2 + C (R + 2 N) + R C + 4 C) MACs; R = C / 16, the rank of the
    step sizes.
    """

    def __init__(self, width: int, state_size: int) -> None:
        super().__init__()
        step_rank = math.ceil(width / 16)
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.short = TokenConv(width, _TAPS, causal=True)
        self.b = nn.Linear(width, state_size, bias=False)
        self.c = nn.Linear(width, state_size, bias=False)
        self.step_in = nn.Linear(width, step_rank, bias=False)
        self.step = nn.Linear(step_rank, width)
        self.log_rate = nn.Parameter(torch.arange(1.0, state_size + 1).log().repeat(width, 1))  # (C, N)
        self.skip = nn.Parameter(torch.ones(width))
        self.out = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            self.step.bias.copy_(_log_uniform(width).expm1().log())  # the inverse of softplus

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        u = F.silu(self.short(self.value(x)))  # (B, L, C)
        step = F.softplus(self.step(self.step_in(u)))  # (B, L, C)
        y, _ = selective_scan(u, step, -self.log_rate.exp(), self.b(u), self.c(u), self.skip)  # (B, L, C)
        out: Tensor = self.out(y * F.silu(self.gate(x)))
        return out


class AttentionMixer(nn.Module):
    """Full multi-head self-attention on SDPA, every token with every token: 4 L C^2 + 2 L^2 C MACs."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, width // self.head_width, self.head_width)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, H, L, P)
        y = F.scaled_dot_product_attention(q, k, v)  # (B, H, L, P)
        out: Tensor = self.out(y.transpose(1, 2).reshape(batch, length, width))
        return out


class DepthwiseMixer(nn.Module):
    """A gated depthwise convolution over ``taps`` tokens, the mixer without a state: L (3 C^2 + taps C) MACs."""

    def __init__(self, width: int, taps: int) -> None:
        super().__init__()
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.conv = nn.Conv2d(width, width, (1, taps), padding=(0, taps // 2), groups=width)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        # as an image of one row, (B, C, 1, L), tokens are channels_last already: no transposition is computed
        rows = self.value(x).transpose(1, 2).unsqueeze(2)
        y = self.conv(rows).squeeze(2).transpose(1, 2)  # (B, L, C)
        out: Tensor = self.out(y * F.silu(self.gate(x)))
        return out


def _log_uniform(count: int) -> Tensor:
    """Step sizes, log-uniform over the paper's range."""
    low, high = (math.log(bound) for bound in _STEPS)
    return torch.empty(count).uniform_(low, high).exp()
