"""A state-space block for token rows on SSD, the scan of Mamba-2 (arXiv 2405.21060), and the core it shares with maps.

What differs from the paper: step sizes are bounded by a sigmoid, and decays bend towards the scan's bound; b and c have
a fixed length, so that the output grows no faster than the input. That makes the gated RMSNorm before the output
projection unnecessary. c is sqrt(N) long: what is read back then weighs as much as what passes by directly, and the
block learns recall in a third of the steps that unit length takes (MQAR, 8 pairs).

Letters, as in `vio.scan`:
    B  batch    L  length in tokens    C  width    D  inner width    H  heads    P  channels a head    N  state size
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.pieces import Joined
from vio.scan import bound_log_decay, segment_length, ssd, ssd_step
from vio.scan.checks import full_precision, scan_dtype
from vio.tokens import TokenConv, check_state, check_token, check_tokens, keep_variance, new_state

STEP_RANGE = (1e-3, 1e-1)
"""Initial step sizes, log-uniform over the heads, as in the paper's reference code."""

RATE_RANGE = (1.0, 8.0)
"""Initial decay rates, uniform over the heads. Times the steps above, every decay starts inside the scan's bound."""


class SelectiveScan(nn.Module):
    """What both layers share: the projections of a token, and what its heads remember and for how long.

    The projections are separate, because slices of one wide product would not be contiguous.
    """

    def __init__(self, width: int, inner: int, head_width: int, state_size: int) -> None:
        super().__init__()
        if inner % head_width:
            raise ValueError(f"head_width {head_width} does not divide the inner width {inner}")
        self.heads = inner // head_width
        self.value = nn.Linear(width, inner, bias=False)
        self.gate = nn.Linear(width, inner, bias=False)
        self.b = nn.Linear(width, state_size, bias=False)
        self.c = nn.Linear(width, state_size, bias=False)
        self.step = nn.Linear(width, self.heads)
        self.log_rate = nn.Parameter(torch.empty(self.heads))
        self.skip = nn.Parameter(torch.ones(self.heads, 1))
        self.out = nn.Linear(inner, width, bias=False)
        keep_variance(self.value, self.gate, self.b, self.c, self.out)
        self.reset_dynamics()

    @torch.no_grad()
    def reset_dynamics(self) -> None:
        """Draw decay rates and step sizes, so that the heads remember over different lengths."""
        self.log_rate.uniform_(*RATE_RANGE).log_()
        low, high = (math.log(bound) for bound in STEP_RANGE)
        self.step.bias.uniform_(low, high).exp_().logit_()

    def dynamics(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """(..., C) -> step sizes in (0, 1), and rates of decay a token; both (..., H), float32 under autocast too."""
        with full_precision(u.device.type):
            dtype = scan_dtype(self.log_rate)
            step = torch.sigmoid(self.step(u.to(self.log_rate.dtype)).to(dtype))
            return step, step * self.log_rate.to(dtype).exp()

    def ends(self) -> tuple[nn.Linear, ...]:
        """The output projection."""
        return (self.out,)

    def split_heads(self, v: Tensor) -> Tensor:
        """(..., D) -> (..., H, P)."""
        return v.reshape(*v.shape[:-1], self.heads, v.shape[-1] // self.heads)

    def read_out(self, y: Tensor, v: Tensor, gate: Tensor) -> Tensor:
        """Scanned and direct values, both (..., H, P), behind a gate (..., D) -> (..., C). It overwrites y."""
        y = y.to(v.dtype).addcmul_(v, self.skip.to(v.dtype)).flatten(-2)  # (..., D)
        out: Tensor = self.out(y * gate)
        return out


Inputs: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Values (B, L, D), b and c (B, L, N): what goes through the short convolutions into the scan."""


class MambaState(NamedTuple):
    """All that a `MambaBlock` keeps of the tokens before: as many bytes after a million tokens as after one."""

    windows: Inputs
    """The last kernel - 1 inputs of each short convolution, (B, kernel - 1, D) or (B, kernel - 1, N), float32."""
    scan: Tensor
    """State of the scan, (B, H, N, P), float32."""


class MambaBlock(nn.Module):
    """Mamba-2's block with its norm and residual, for token rows: causal, or with `reverse` from the last to the first.

    Costs L (3 C D + 2 C N + C H + K (D + 2 N)) MACs a sequence, and the scan's. In a stream it keeps
    4 ((K - 1) (D + 2 N) + N D) bytes a sequence, whatever the length. K is the kernel.

    Args:
        width: channels of a token, C.
        head_width: channels that decay together, P.
        state_size: numbers that a head remembers a channel, N.
        kernel: tokens that the short causal convolution sees.
        expansion: inner width D as a multiple of the width.
        reverse: look back from the last token; such a block has no stream.

    Raises:
        ValueError: head_width does not divide the inner width; in a forward, for an input of another width, of no
            tokens or no sequences; in a stream, for a state of another model or batch size.
    """

    def __init__(
        self,
        width: int,
        *,
        head_width: int = 32,
        state_size: int = 32,
        kernel: int = 4,
        expansion: int = 2,
        reverse: bool = False,
    ) -> None:
        super().__init__()
        inner = expansion * width
        self.width, self.reverse = width, reverse
        self.norm = nn.LayerNorm(width)
        self.core = SelectiveScan(width, inner, head_width, state_size)
        self.value_conv = TokenConv(inner, kernel, causal=True)
        self.b_conv = TokenConv(state_size, kernel, causal=True)
        self.c_conv = TokenConv(state_size, kernel, causal=True)
        self.read_scale = math.sqrt(state_size)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same.

        Tokens where the mask (B, L) is False leave the scan's state as it is, and the convolutions see zeros there: so
        padding at either end changes nothing for the others.
        """
        check_tokens(x, self.width, mask)
        if self.reverse:
            x, mask = x.flip(1), None if mask is None else mask.flip(1)
        y, _ = self._run(x, mask, self._zeros(x.shape[0]))
        return y.flip(1) if self.reverse else y

    def init_state(self, batch: int) -> MambaState:
        """State before the first token of each of `batch` sequences."""
        if self.reverse:
            raise ValueError("reverse: a block that looks back from the last token has no stream")
        return self._zeros(batch)

    def prefill(self, x: Tensor, state: MambaState) -> tuple[Tensor, MambaState]:
        """Go on from a state by (B, L, C): the block's output, and the state after the last token."""
        check_tokens(x, self.width)
        self._check_state(state, x)
        return self._run(x, None, state)

    def step(self, x: Tensor, state: MambaState) -> tuple[Tensor, MambaState]:
        """Go on from a state by one token, (B, C)."""
        check_token(x, self.width)
        self._check_state(state, x)
        u = self.norm(x)
        pairs = zip(self._convs(), self._project(u, None), state.windows, strict=True)
        (v, v_window), (b, b_window), (c, c_window) = (conv.step(t, window) for conv, t, window in pairs)
        y, scan = self._scan(ssd_step, u, v, b, c, None, state.scan)
        return x + y, MambaState((v_window, b_window, c_window), scan)

    def _run(self, x: Tensor, mask: Tensor | None, state: MambaState) -> tuple[Tensor, MambaState]:
        """Go on from a state by (B, L, C), a segment at a time, so that a CPU finds its temporaries in the cache."""
        tokens = segment_length(self.core.out.in_features)
        parts = x.split(tokens, 1)
        masks = [None] * len(parts) if mask is None else mask.split(tokens, 1)
        outputs = Joined(x.shape[1], 1)
        for part, part_mask in zip(parts, masks, strict=True):
            y, state = self._segment(part, part_mask, state)
            outputs.append(y)
            del y  # a segment is not kept while the next is worked on
        return outputs.whole(), state

    def _segment(self, x: Tensor, mask: Tensor | None, state: MambaState) -> tuple[Tensor, MambaState]:
        u = self.norm(x)
        pairs = zip(self._convs(), self._project(u, mask), state.windows, strict=True)
        (v, v_window), (b, b_window), (c, c_window) = (conv.prefill(t, window) for conv, t, window in pairs)
        y, scan = self._scan(ssd, u, v, b, c, mask, state.scan)
        return x + y, MambaState((v_window, b_window, c_window), scan)

    def _project(self, u: Tensor, mask: Tensor | None) -> Inputs:
        v, b, c = self.core.value(u), self.core.b(u), self.core.c(u)
        if mask is None:
            return v, b, c
        gone = ~mask.unsqueeze(2)  # (B, L, 1)
        return v.masked_fill(gone, 0.0), b.masked_fill(gone, 0.0), c.masked_fill(gone, 0.0)

    def _convs(self) -> tuple[TokenConv, TokenConv, TokenConv]:
        return self.value_conv, self.b_conv, self.c_conv

    def _scan(
        self,
        scan: Callable[..., tuple[Tensor, Tensor]],
        u: Tensor,
        v: Tensor,
        b: Tensor,
        c: Tensor,
        mask: Tensor | None,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """All that comes after the convolutions, for a row of tokens by `ssd`, or for one by `ssd_step`."""
        step, rate = self.core.dynamics(u)  # (..., H)
        if mask is not None:
            gone = ~mask.unsqueeze(-1)
            step, rate = step.masked_fill(gone, 0.0), rate.masked_fill(gone, 0.0)
        b = F.normalize(F.silu(b), dim=-1)  # (..., N)
        c = F.normalize(F.silu(c), dim=-1) * self.read_scale  # (..., N)
        v = self.core.split_heads(F.silu(v))  # (..., H, P)
        y, state = scan(v * step.unsqueeze(-1), bound_log_decay(rate), b, c, state=state)  # (..., H, P)
        return self.core.read_out(y, v, F.silu(self.core.gate(u))), state

    def _zeros(self, batch: int) -> MambaState:
        v, b, c, scan = (new_state(shape, self.core.log_rate) for shape in self._state_shapes(batch))
        return MambaState((v, b, c), scan)

    def _check_state(self, state: MambaState, x: Tensor) -> None:
        if not isinstance(state, MambaState):
            raise ValueError(f"state must be a MambaState from init_state, got {type(state).__name__}")
        for piece, shape in zip((*state.windows, state.scan), self._state_shapes(x.shape[0]), strict=True):
            check_state("state", piece, shape, self.core.log_rate)

    def _state_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        heads, inner, size = self.core.heads, self.core.out.in_features, self.core.b.out_features
        windows = (
            (batch, conv.before, channels) for conv, channels in zip(self._convs(), (inner, size, size), strict=True)
        )
        return *windows, (batch, heads, size, inner // heads)
