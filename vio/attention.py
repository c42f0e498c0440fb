"""Attention on a budget: every token asks, at most 7 x 7 pooled places answer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vio.conv import ConvNorm

GRID = 7
"""Keys and values are pooled to at most GRID x GRID, so the cost is linear in the number of tokens."""


class PooledAttention(nn.Module):
    """Multi-head attention whose keys and values come from an average-pooled map (as in PVT v2, arXiv 2106.13797).

    The depthwise 3x3 before it normalises and tells the places apart; there is no position embedding to resize.
    Costs 2 L C^2 + 2 G C^2 + 2 L G C MACs an image of L = H W places and G <= 49 pooled ones.
    """

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.local = ConvNorm(width, width, 3, groups=width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        batch, width, rows, cols = x.shape
        x = self.local(x)
        # Windows of ceil(size / GRID), the last one cut short. Adaptive pooling would give exactly GRID, but fails on
        # MPS and in ONNX when GRID does not divide the size.
        pooled = F.avg_pool2d(x, (-(-rows // GRID), -(-cols // GRID)), ceil_mode=True)  # (B, C, <=GRID, <=GRID)
        x = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, L, C)
        pooled = pooled.permute(0, 2, 3, 1).flatten(1, 2)  # (B, G, C)
        q = self._split(self.query(x))  # (B, heads, L, head_width)
        k = self._split(self.key(pooled))  # (B, heads, G, head_width)
        v = self._split(self.value(pooled))  # (B, heads, G, head_width)
        y = F.scaled_dot_product_attention(q, k, v)  # (B, heads, L, head_width)
        out: Tensor = self.out(y.transpose(1, 2).flatten(2))  # (B, L, C)
        return out.reshape(batch, rows, cols, width).permute(0, 3, 1, 2)  # (B, C, H, W)

    def _split(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        return tokens.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
