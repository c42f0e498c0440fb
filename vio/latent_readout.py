"""Latent read-out: a few learned queries ask all places, in the manner of Perceiver (arXiv 2103.03206)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.tokens import check_tokens, keep_variance, without_padding

HEAD_WIDTH_MAX = 64


class LatentReadout(nn.Module):
    """Pools a row of places by attention from learned queries, instead of a mean that counts each place alike.

    Its cost is linear in the number of places: 2 L C^2 + 2 Q L C + Q C^2 MACs. Heads are as wide as they can be up to
    HEAD_WIDTH_MAX. Fresh queries are small, so that it begins near the mean over the places.

    Args:
        width: channels of a place, C.
        queries: learned queries, Q; their answers are averaged.

    Raises:
        ValueError: fewer than one query; in a forward, for an input of another width, of no places or no batch.
    """

    def __init__(self, width: int, queries: int = 4) -> None:
        super().__init__()
        if queries < 1:
            raise ValueError(f"queries must be 1 or more, got {queries}")
        self.width = width
        self.heads = width // max(size for size in range(1, HEAD_WIDTH_MAX + 1) if width % size == 0)
        self.queries = nn.Parameter(torch.randn(queries, width) / math.sqrt(width))
        self.norm = nn.LayerNorm(width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width)
        keep_variance(self.key, self.value, self.out)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> (B, C); places where the mask (B, L) is False are not asked."""
        check_tokens(x, self.width, mask)
        batch, channels = x.shape[0], self.width // self.heads
        x = without_padding(self.norm(x), mask)
        q = self.queries.to(x.dtype).reshape(1, -1, self.heads, channels).transpose(1, 2)  # (1, heads, Q, P)
        k = self.key(x).reshape(batch, -1, self.heads, channels).transpose(1, 2)  # (B, heads, L, P)
        v = self.value(x).reshape(batch, -1, self.heads, channels).transpose(1, 2)  # (B, heads, L, P)
        seen = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, L)
        y = F.scaled_dot_product_attention(q.expand(batch, -1, -1, -1).to(k.dtype), k, v, seen)  # (B, heads, Q, P)
        y = self.out(y.transpose(1, 2).flatten(2))  # (B, Q, C)
        pooled: Tensor = y.mean(1)
        return pooled
