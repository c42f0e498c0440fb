"""Blocks of token rows by name, side by side, and their start: what the 1-D models and the hybrids are put together of.

Every block here takes a row of tokens (B, L, C) and a mask (B, L) of real ones, or None, and returns a row of the same
shape. Padding at either end of a row changes nothing for its real tokens. A block that can be streamed has
`init_state(batch)`, `prefill(x, state)` and `step(x, state)` too.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from vio.tokens import TokenConv, check_state, check_token, check_tokens, keep_variance, new_state, without_padding


@runtime_checkable
class Streamed(Protocol):
    """A block that keeps all it needs of earlier tokens in a state of constant size."""

    def init_state(self, batch: int) -> Any:
        """State before the first token."""

    def prefill(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Go on from a state by (B, L, C)."""

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Go on from a state by one token, (B, C)."""


@runtime_checkable
class ResidualBranch(Protocol):
    """A part whose output is added to what came in."""

    def ends(self) -> tuple[nn.Linear, ...]:
        """The linear maps that its output is the sum of."""


class GatedConvBlock(nn.Module):
    """The block of VIO-DNA: a depthwise 1-D convolution, a learned sigmoid gate, a LayerNorm and a residual.

    Its document names the parts and leaves their order open; the norm stands first here, as in all blocks of this
    house. It is the cheapest of them: L (C^2 + kernel C) MACs a sequence. Channels meet in the gate alone.

    Args:
        width: channels of a token, C.
        kernel: tokens that the convolution sees.
        causal: the token itself and those before it, instead of as many on either side.
    """

    def __init__(self, width: int, *, kernel: int = 9, causal: bool = False) -> None:
        super().__init__()
        self.width, self.causal = width, causal
        self.norm = nn.LayerNorm(width)
        self.conv = TokenConv(width, kernel, causal=causal)
        self.gate = nn.Linear(width, width)
        keep_variance(self.gate)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same."""
        check_tokens(x, self.width, mask)
        u = self.norm(x)
        return self._add(x, u, self.conv(without_padding(u, mask)))

    def init_state(self, batch: int) -> Tensor:
        """The last kernel - 1 inputs of the convolution, (B, kernel - 1, C), float32."""
        if not self.causal:
            raise ValueError("causal: a block that looks ahead has no stream")
        return new_state((batch, self.conv.before, self.width), self.gate.weight)

    def prefill(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from a state by (B, L, C)."""
        check_tokens(x, self.width)
        self._check_state(state, x)
        u = self.norm(x)
        convolved, state = self.conv.prefill(u, state)
        return self._add(x, u, convolved), state

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from a state by one token, (B, C)."""
        check_token(x, self.width)
        self._check_state(state, x)
        u = self.norm(x)
        convolved, state = self.conv.step(u, state)
        return self._add(x, u, convolved), state

    def _check_state(self, state: Tensor, x: Tensor) -> None:
        if not isinstance(state, Tensor):
            raise ValueError(f"state must be a tensor from init_state, got {type(state).__name__}")
        check_state("state", state, (x.shape[0], self.conv.before, self.width), self.gate.weight)

    def _add(self, x: Tensor, u: Tensor, convolved: Tensor) -> Tensor:
        return torch.addcmul(x, convolved, torch.sigmoid(self.gate(u)))


class ParallelBlock(nn.Module):
    """Several blocks on the same input, averaged: each adds its own part to what came in."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        if not branches:
            raise ValueError("branches: at least one block is needed")
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same."""
        return torch.stack([branch(x, mask) for branch in self.branches]).mean(0)


@torch.no_grad()
def scale_residuals(model: nn.Module) -> None:
    """Shrink the last layer of every residual branch by 1 / sqrt(branches), as GPT-2 does: once, on fresh weights.

    So what a deep row of blocks adds up to varies as much as what went in, at any depth.
    """
    branches = [m for m in model.modules() if isinstance(m, ResidualBranch)]
    for branch in branches:
        for end in branch.ends():
            end.weight.div_(math.sqrt(len(branches)))
