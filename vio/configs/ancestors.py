"""Configurations of VIO v1 and v2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.base import ModelConfig
from vio.configs.reader import ConfigError, require_hidden_channel, require_positive


@dataclass(frozen=True, kw_only=True)
class VIOv1Config(ModelConfig):
    """A convolutional pyramid, then a recurrent sweep."""

    architecture: ClassVar[str] = "vio_v1"

    stem_width: int
    """Channels after the first convolution, at stride 4."""
    widths: tuple[int, ...]
    """Channels of the stages at stride 8, 16, 32 and so on."""
    depths: tuple[int, ...]
    """Convolutional blocks of each stage."""
    recurrent_width: int
    """Units of each of the four recurrent layers: rows and columns, both ways."""
    num_features: int
    """Channels that the classifier sees."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "stem_width", "recurrent_width", "num_features")
        if not self.widths:
            raise ConfigError(("widths",), "a model needs at least one stage")
        if len(self.depths) != len(self.widths):
            raise ConfigError(("depths",), f"{len(self.depths)} depths for {len(self.widths)} widths")
        for name in ("widths", "depths"):
            if min(getattr(self, name)) < 1:
                raise ConfigError((name,), f"must all be above 0, got {list(getattr(self, name))}")


@dataclass(frozen=True, kw_only=True)
class VIOv2Config(ModelConfig):
    """Convolution at stride 8, attention at stride 16, token mixing at stride 32."""

    architecture: ClassVar[str] = "vio_v2"

    stem_width: int
    """Channels after the first convolution, at stride 4."""
    conv_width: int
    """Channels of the convolutional stage."""
    conv_depth: int
    """Its blocks."""
    attention_width: int
    """Channels of the attention stage."""
    attention_depth: int
    """Its blocks."""
    mixing_width: int
    """Channels of the token-mixing stage."""
    mixing_depth: int
    """Its blocks."""
    head_width: int
    """Channels of an attention head."""
    grid: int
    """Rows, and columns, of the grid on which tokens are mixed."""
    expansion: float
    """Hidden width of a feed-forward layer, over channels or over places, as a multiple of what goes in."""
    num_features: int
    """Channels that the classifier sees."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "stem_width", "conv_width", "attention_width", "mixing_width")
        require_positive(self, "conv_depth", "attention_depth", "mixing_depth")
        require_positive(self, "head_width", "grid", "expansion", "num_features")
        if self.attention_width % self.head_width:
            raise ConfigError(
                ("head_width",), f"{self.head_width} does not divide the attention width {self.attention_width}"
            )
        require_hidden_channel(self, min(self.grid**2, self.attention_width, self.mixing_width))
