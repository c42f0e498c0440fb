"""Configuration of the hybrid of Mamba and Transformer blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.base import ModelConfig
from vio.configs.reader import ConfigError, require_hidden_channel, require_one_of, require_positive
from vio.configs.sequence import MAMBA_EXPANSION

BLOCKS = ("mamba", "transformer")
ORDERS = ("sequential", "parallel")


@dataclass(frozen=True, kw_only=True)
class HybridConfig(ModelConfig):
    """A convolutional stem, then blocks on the places at stride 16."""

    architecture: ClassVar[str] = "hybrid"

    stem_width: int
    """Channels at stride 2 and 4; twice as many at stride 8."""
    width: int
    """Channels of a place at stride 16."""
    blocks: tuple[str, ...]
    """Kind of each block of a group, one of BLOCKS."""
    depth: int
    """Groups, one after the other."""
    order: str = "sequential"
    """'sequential': the blocks of a group follow each other; 'parallel': all take the same input, and are averaged."""
    head_width: int = 32
    """Channels of a head, of a scan or of attention."""
    state_size: int = 32
    """State of a scan, in numbers a channel."""
    expansion: float = 4.0
    """Hidden width of a transformer block's feed-forward layer, as a multiple of the width."""
    window: int | None = None
    """Reach of attention to either side in raster order; null for all places."""
    budget: float | None = None
    """Share of the places, picked by a router, that attend to each other; null for all."""
    routed: float | None = None
    """Share of the places, picked by a router, that go through a transformer block at all; null for all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "stem_width", "width", "depth", "head_width", "state_size", "expansion")
        if not self.blocks:
            raise ConfigError(("blocks",), "a group needs at least one block")
        require_one_of(self, "blocks", BLOCKS)
        if self.order not in ORDERS:
            raise ConfigError(("order",), f"must be one of {ORDERS}, got {self.order!r}")
        for kind, inner in (("mamba", MAMBA_EXPANSION * self.width), ("transformer", self.width)):
            if kind in self.blocks and inner % self.head_width:
                raise ConfigError(("head_width",), f"{self.head_width} does not divide the {kind} width {inner}")
        require_hidden_channel(self, self.width)
        if self.window is not None:
            require_positive(self, "window")
        if self.window is not None and self.budget is not None:
            raise ConfigError(("budget",), "excludes a window: attention is the one or the other")
        for name in ("budget", "routed"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise ConfigError((name,), f"must be above 0 and at most 1, got {share}")
