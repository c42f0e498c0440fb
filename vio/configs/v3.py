"""Configuration of VIO v3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.base import ModelConfig
from vio.configs.reader import ConfigError, require_hidden_channel, require_one_of, require_positive

BLOCKS = ("dense", "conv", "states", "ssd", "attention")


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """Blocks at one resolution. Every stage but the first begins by halving the resolution of the one before."""

    width: int
    """Channels."""
    blocks: tuple[str, ...]
    """Kind of each block, one of BLOCKS: a dense 3x3 pair; or a depthwise 7x7 with a feed-forward layer, alone (conv),
    with hidden states beside it (states), or behind a causal scan (ssd) or pooled attention. An empty list leaves
    the stage to the stem, or to the convolution that halves the resolution."""

    def __post_init__(self) -> None:
        require_positive(self, "width")
        require_one_of(self, "blocks", BLOCKS)


@dataclass(frozen=True, kw_only=True)
class VIOConfig(ModelConfig):
    """A whole model."""

    architecture: ClassVar[str] = "vio"

    stages: tuple[StageConfig, ...]
    """Stages at stride 4, 8, 16 and so on."""
    expansion: float
    """Hidden width of a feed-forward layer, as a multiple of its stage's width."""
    head_width: int
    """Channels of one head of a scan or of attention."""
    state_size: int
    """Hidden states of a scan or of a states block, in numbers a channel."""
    num_features: int
    """Channels that the classifier sees."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "expansion", "head_width", "state_size", "num_features")
        if not self.stages:
            raise ConfigError(("stages",), "a model needs at least one stage")
        for stage in self.stages:
            require_hidden_channel(self, stage.width)
            if {"ssd", "attention"} & set(stage.blocks) and stage.width % self.head_width:
                raise ConfigError(("head_width",), f"{self.head_width} does not divide the stage width {stage.width}")
