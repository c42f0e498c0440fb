"""Attention: on maps with pooled keys, and on token rows in full, in a sliding window, or among the picked few."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.conv import RESIDUAL_GAIN, ConvNorm, LinearNorm
from vio.router import TokenRouter, spread
from vio.scan.checks import scan_dtype
from vio.tokens import check_tokens, keep_variance, without_padding

GRID = 7
"""Keys and values are pooled to at most GRID x GRID, so the cost is linear in the number of tokens."""

ROTARY_BASE = 10_000.0
"""Rotary angles a token fall from 1 to nearly 1 / ROTARY_BASE over the channels of a head."""


class PooledAttention(nn.Module):
    """Multi-head attention whose keys and values come from an average-pooled map (as in PVT v2, arXiv 2106.13797).

    The depthwise 3x3 before it normalises and tells the places apart; there is no position embedding to resize.
    Costs 2 L C^2 + 2 G C^2 + 2 L G C + 9 L C MACs an image of L = H W places and G <= 49 pooled ones, and at most
    7 L C + 49 W C for the pooling.
    """

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.local = ConvNorm(width, width, 3, groups=width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        keep_variance(self.query, self.key, self.value)
        self.out = LinearNorm(width, width)
        nn.init.constant_(self.out.norm.weight, RESIDUAL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        batch, width, rows, cols = x.shape
        x = self.local(x)
        x = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, L, C)
        pooled = _pool(x, rows, cols)  # (B, G, C)
        q = self._split(self.query(x))  # (B, heads, L, head_width)
        k = self._split(self.key(pooled))  # (B, heads, G, head_width)
        v = self._split(self.value(pooled))  # (B, heads, G, head_width)
        y = F.scaled_dot_product_attention(q, k, v)  # (B, heads, L, head_width)
        out: Tensor = self.out(y.transpose(1, 2).reshape(batch, rows, cols, width))  # (B, H, W, C)
        return out.permute(0, 3, 1, 2)  # (B, C, H, W)

    def _split(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        return tokens.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)


def _pool(x: Tensor, rows: int, cols: int) -> Tensor:
    """Mean over windows of at most GRID x GRID: (B, L, C) in raster order -> (B, G, C).

    Two products with matrices that are made of the size. A pooling operator takes its window as a constant, so that an
    exported model would go on with the window of the size that it was exported at.
    """
    along_rows = _windows(rows, x) @ x.reshape(x.shape[0], rows, -1)  # (B, <=GRID, W C)
    pooled: Tensor = _windows(cols, x) @ along_rows.unflatten(2, (cols, -1))  # (B, <=GRID, <=GRID, C)
    return pooled.flatten(1, 2)


def _windows(size: int, like: Tensor) -> Tensor:
    """Weights of means over windows of ceil(size / GRID) places, the last one cut short: (windows, size)."""
    # Both sums can be captured with a free size: ONNX divides towards zero, so -(-size // GRID) would be wrong there,
    # and torch.export fails at (size + length - 1) // length.
    length = (size + GRID - 1) // GRID
    window = torch.arange((size - 1) // length + 1, device=like.device).unsqueeze(1)
    inside = (torch.arange(size, device=like.device) // length == window).to(like.dtype)
    return inside / inside.sum(1, keepdim=True)


class SelfAttention(nn.Module):
    """Multi-head self-attention of token rows, in one of three forms.

    | form | who attends to whom | MACs a sequence, beside 4 L C^2 for projections |
    | :-- | :-- | :-- |
    | full | all to all | 2 L^2 C |
    | window | each to those less than `window` places away | at most 6 (L + window) window C; causal 4 |
    | budget | a router's pick of k = budget L among themselves; the others get 0 | 2 k^2 C, and projections of k only |

    Args:
        width: channels of a token, C.
        head_width: channels of a head.
        window: reach of a token to either side, itself included.
        budget: share of the tokens that attend, above 0 and at most 1.
        causal: no token sees a later one. A router looks at the whole row, so this excludes a budget.
        rotary: turn queries and keys by their place (RoFormer, arXiv 2104.09864), so that distance is seen at any
            length. Without it a full form can't tell the order.

    Raises:
        ValueError: head_width does not divide the width or is odd and rotary, or the forms exclude each other; in a
            forward, for an input of another width, of no tokens or no sequences.
    """

    def __init__(
        self,
        width: int,
        head_width: int,
        *,
        window: int | None = None,
        budget: float | None = None,
        causal: bool = False,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        if width % head_width:
            raise ValueError(f"head_width {head_width} does not divide the width {width}")
        if rotary and head_width % 2:
            raise ValueError(f"head_width must be even to turn pairs of channels, got {head_width}")
        if window is not None and window < 1:
            raise ValueError(f"window must be 1 or more, got {window}")
        if budget is not None and (causal or window is not None):
            raise ValueError("budget: a router looks at the whole row, which excludes causal and window")
        self.width, self.heads = width, width // head_width
        self.window, self.causal, self.rotary = window, causal, rotary
        self.router = None if budget is None else TokenRouter(width, budget)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        keep_variance(self.query, self.key, self.value, self.out)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same; tokens where the mask (B, L) is False are seen by none."""
        check_tokens(x, self.width, mask)
        x = without_padding(x, mask)
        if self.router is None:
            return self._attend(x, torch.arange(x.shape[1], device=x.device), mask)
        tokens, index, weight = self.router(x, mask)
        picked = None if mask is None else mask.gather(1, index)
        y = self._attend(tokens, index.unsqueeze(1), picked) * weight  # (B, k, C)
        return torch.zeros_like(x).scatter_add(1, spread(index, x), y.to(x.dtype))

    def ends(self) -> tuple[nn.Linear, ...]:
        """The output projection."""
        return (self.out,)

    def _attend(self, x: Tensor, places: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))  # (B, heads, L, head_width)
        if self.rotary:
            q, k = rotate(q, places), rotate(k, places)
        if self.window is not None and self.window < x.shape[1]:
            y = self._attend_nearby(q, k, v, self.window, mask)
        else:
            y = self._attend_all(q, k, v, mask)
        out: Tensor = self.out(y.transpose(1, 2).flatten(2))  # (B, L, C)
        return out

    def _attend_all(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        seen = mask[:, None, None, :]  # (B, 1, 1, L)
        if self.causal:
            length = q.shape[2]
            seen = seen & torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
        return F.scaled_dot_product_attention(q, k, v, seen)

    def _attend_nearby(self, q: Tensor, k: Tensor, v: Tensor, window: int, mask: Tensor | None) -> Tensor:
        """Blocks of `window` queries, each with the keys of its own block, the one before, and unless causal the next.

        So the cost is linear in the length; a third to a half of the scores are thrown away.
        """
        batch, heads, length, channels = q.shape
        blocks, after = -(-length // window), 0 if self.causal else window
        span, spare = 2 * window + after, blocks * window - length
        around = (window, spare + after)
        q = _blocks(F.pad(q, (0, 0, 0, spare)), window, window)  # (B blocks, heads, window, head_width)
        k, v = (_blocks(F.pad(t, (0, 0, *around)), span, window) for t in (k, v))  # (B blocks, heads, span, head_width)
        if mask is None:
            mask = torch.ones(batch, length, dtype=torch.bool, device=q.device)
        real = F.pad(mask, around).unfold(1, span, window).flatten(0, 1)  # (B blocks, span)
        seen = real[:, None, None, :] & self._near(span, window, q.device)  # (B blocks, 1, window, span)
        y = F.scaled_dot_product_attention(q, k, v, seen)  # (B blocks, heads, window, head_width)
        y = y.reshape(batch, blocks, heads, window, channels).transpose(1, 2).flatten(2, 3)
        return y[:, :, :length]  # (B, heads, L, head_width)

    def _near(self, span: int, window: int, device: torch.device) -> Tensor:
        """Whom the queries of a block see of its keys, which begin one block earlier: (window, span)."""
        ahead = torch.arange(span, device=device) - window - torch.arange(window, device=device)[:, None]
        return (ahead > -window) & (ahead < (1 if self.causal else window))

    def _split(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        return tokens.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)


def rotate(x: Tensor, places: Tensor) -> Tensor:
    """Turn pairs of channels by angles that grow with a token's place: products of two then know their distance alone.

    Args:
        x: queries or keys, (B, heads, L, head_width).
        places: (L,), or (B, 1, L) where each sequence has its own.
    """
    half = x.shape[-1] // 2
    slowness = torch.arange(half, device=x.device, dtype=scan_dtype(x)) / half
    angles = places.unsqueeze(-1) * ROTARY_BASE**-slowness  # (L, half) or (B, 1, L, half), float32 or float64
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _blocks(x: Tensor, size: int, stride: int) -> Tensor:
    """(B, heads, L, P) -> overlapping blocks of tokens, (B blocks, heads, size, P)."""
    return x.unfold(2, size, stride).permute(0, 2, 1, 4, 3).flatten(0, 1)
