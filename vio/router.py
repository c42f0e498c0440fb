"""Routing on a budget: a learned score picks the tokens that are worth an expensive part; the others pass by.

As in "Mixture-of-Depths" (arXiv 2404.02258): a fixed share, so that shapes and costs are known beforehand, and a weight
by the score, so that the score learns. The picked tokens keep their order. A scan that is given them alone does what it
would do on the whole row if the others had a step size of 0: they leave the state as it is.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vio.tokens import check_tokens

SHARE_PARTS = 2**20
"""Finest fraction of a row that a share is told apart by."""


class Routed(NamedTuple):
    """The tokens that a router picked."""

    tokens: Tensor
    """(B, k, C), in the order of the row."""
    places: Tensor
    """(B, k), their places in the row, ascending."""
    weight: Tensor
    """(B, k, 1), how much each counts, in (0, 1)."""


class TokenRouter(nn.Module):
    """Picks a fixed share of a row's tokens by a learned score. Costs L C MACs.

    What it picks depends on the whole row, so it can't be part of a causal model. A token of NaN counts as the highest
    score: it is picked, and so stays visible.

    Args:
        width: channels of a token, C.
        share: k / L, at least 1 / SHARE_PARTS and at most 1; k is rounded up.
    """

    def __init__(self, width: int, share: float) -> None:
        super().__init__()
        if not 1 / SHARE_PARTS <= share <= 1.0:
            raise ValueError(f"share must be above 0 and at most 1, in parts of 1 / {SHARE_PARTS}, got {share}")
        self.width, self.share = width, Fraction(share).limit_denominator(SHARE_PARTS)
        self.score = nn.Linear(width, 1)

    def count(self, length: int) -> int:
        """How many of `length` tokens are picked.

        In whole numbers alone, which torch.jit.trace follows: a trace picks the right number at another length too.
        """
        return -(-length * self.share.numerator // self.share.denominator)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Routed:
        """(B, L, C) -> the picked tokens; those where the mask (B, L) is False are picked last, and weigh nothing."""
        check_tokens(x, self.width, mask)
        score = self.score(x).squeeze(2)  # (B, L)
        ranked = score if mask is None else score.masked_fill(~mask, -torch.inf)
        index = ranked.topk(self.count(x.shape[1]), dim=1, sorted=False).indices.sort(dim=1).values  # (B, k)
        weight = torch.sigmoid(ranked.gather(1, index)).unsqueeze(2)  # (B, k, 1)
        return Routed(x.gather(1, spread(index, x)), index, weight)


class RoutedBlock(nn.Module):
    """A block of token rows that only the picked tokens go through: x + weight * (block(x) - x); the others pass.

    Args:
        block: (B, k, C) -> the same, called with a mask (B, k) where the row has one.
        width: channels of a token, C.
        share: share of the tokens that the block sees.
    """

    def __init__(self, block: nn.Module, width: int, share: float) -> None:
        super().__init__()
        self.router = TokenRouter(width, share)
        self.block = block

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same."""
        tokens, index, weight = self.router(x, mask)
        picked = None if mask is None else mask.gather(1, index)
        change = (self.block(tokens, picked) - tokens) * weight  # (B, k, C)
        return x.scatter_add(1, spread(index, x), change.to(x.dtype))


def spread(index: Tensor, x: Tensor) -> Tensor:
    """(B, k) places as (B, k, C), for gathering from and scattering into rows (B, L, C)."""
    return index.unsqueeze(2).expand(-1, -1, x.shape[2])
