"""Configuration of MambaVision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.base import ModelConfig
from vio.configs.reader import ConfigError, require_positive


@dataclass(frozen=True, kw_only=True)
class MambaVisionConfig(ModelConfig):
    """A patch embedding, then blocks of one width. Defaults are the document's, or where it is silent the paper's."""

    architecture: ClassVar[str] = "mambavision"

    width: int
    """Channels of a token."""
    depth: int
    """Blocks."""
    mamba_ratio: float = 0.5
    """Share of blocks whose mixer is Mamba, 0 to 1, spread evenly; the others attend. 0.5 alternates, Mamba first."""
    state_size: int = 16
    """State of the scan, in numbers a channel."""
    conv_kernel: int = 4
    """Tokens that a depthwise convolution of a Mamba mixer sees."""
    head_width: int = 64
    """Channels of an attention head."""
    mlp_ratio: float = 4.0
    """Hidden width of a feed-forward layer, as a multiple of the width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width", "depth", "state_size", "conv_kernel", "head_width", "mlp_ratio")
        if not 0 <= self.mamba_ratio <= 1:
            raise ConfigError(("mamba_ratio",), f"must be between 0 and 1, got {self.mamba_ratio}")
        if round(self.width * self.mlp_ratio) < 1:
            raise ConfigError(("mlp_ratio",), f"{self.mlp_ratio} of the width {self.width} leaves no hidden channel")
        if "attention" in self.mixers and self.width % self.head_width:
            raise ConfigError(("head_width",), f"{self.head_width} does not divide the width {self.width}")

    @property
    def mixers(self) -> tuple[str, ...]:
        """Kind of each block's mixer, 'mamba' or 'attention'."""
        mambas = int(self.depth * self.mamba_ratio + 0.5)
        return tuple("mamba" if i * mambas % self.depth < mambas else "attention" for i in range(self.depth))
