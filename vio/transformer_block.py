"""The Transformer block: normalise, attend, add; normalise, feed forward, add (pre-norm, as in GPT-2 and ViT)."""

from __future__ import annotations

from torch import Tensor, nn

from vio.attention import SelfAttention
from vio.tokens import check_tokens, keep_variance


class FeedForward(nn.Module):
    """Two linear maps with a GELU between them, for each token by itself. Costs 2 L C hidden MACs."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.out = nn.Linear(hidden, width)
        keep_variance(self.widen, self.out)
        nn.init.zeros_(self.widen.bias)
        nn.init.zeros_(self.out.bias)

    def ends(self) -> tuple[nn.Linear, ...]:
        """The output projection."""
        return (self.out,)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> the same."""
        y: Tensor = self.out(self.act(self.widen(x)))
        return y


class TransformerBlock(nn.Module):
    """Self-attention, then a feed-forward layer, each behind a LayerNorm and added to what came in.

    Args:
        width: channels of a token, C.
        head_width: channels of an attention head.
        expansion: hidden width of the feed-forward layer, as a multiple of the width.
        window, budget, causal, rotary: the form of attention, see `SelfAttention`.

    Raises:
        ValueError: as `SelfAttention`.
    """

    def __init__(
        self,
        width: int,
        head_width: int = 32,
        *,
        expansion: float = 4.0,
        window: int | None = None,
        budget: float | None = None,
        causal: bool = False,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, head_width, window=window, budget=budget, causal=causal, rotary=rotary)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width, round(expansion * width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) -> the same; tokens where the mask (B, L) is False are seen by none."""
        check_tokens(x, self.attention.width, mask)
        x = x + self.attention(self.attention_norm(x), mask)
        y: Tensor = x + self.feed(self.feed_norm(x))
        return y
