"""The hybrid of Mamba and Transformer blocks for images, in sequence or side by side as its YAML file says."""

from __future__ import annotations

import itertools

from torch import nn

from vio.backbone import Backbone
from vio.blocks import ParallelBlock, scale_residuals
from vio.configs.hybrid import HybridConfig
from vio.configs.sequence import MAMBA_EXPANSION
from vio.conv import DenseBlock, Downsample
from vio.mamba_block import MambaBlock
from vio.maps import MapNorm, OnMap, Position
from vio.router import RoutedBlock
from vio.stem import Stem
from vio.transformer_block import TransformerBlock


class Hybrid(Backbone):
    """Phase 3's model: Mamba blocks for depth and memory, Transformer blocks for interaction across places.

    Convolutions lead to stride 16, where groups of blocks follow each other ('sequential') or take the same input and
    are averaged ('parallel'). Mamba blocks scan in raster order, forward and backward by turns. See `Backbone` for what
    goes in and out.
    """

    def __init__(self, config: HybridConfig) -> None:
        middle = 2 * config.stem_width
        super().__init__(
            config,
            stem=Stem(config.in_chans, config.stem_width),
            stages=[
                nn.Sequential(Downsample(config.stem_width, middle), DenseBlock(middle)),
                nn.Sequential(Downsample(middle, config.width), Position(config.width), *_groups(config)),
            ],
            widths=[middle, config.width],
            strides=[8, 16],
            tail=MapNorm(config.width),
            num_features=config.width,
        )
        scale_residuals(self.stages)


def _groups(config: HybridConfig) -> list[nn.Module]:
    """The blocks at stride 16, each on a map."""
    directions = itertools.cycle((False, True))
    groups = [
        [_block(kind, config, reverse=kind == "mamba" and next(directions)) for kind in config.blocks]
        for _ in range(config.depth)
    ]
    if config.order == "parallel":
        return [OnMap(ParallelBlock(*group)) for group in groups]
    return [OnMap(block) for group in groups for block in group]


def _block(kind: str, config: HybridConfig, *, reverse: bool) -> nn.Module:
    if kind == "mamba":
        return MambaBlock(
            config.width,
            head_width=config.head_width,
            state_size=config.state_size,
            expansion=MAMBA_EXPANSION,
            reverse=reverse,
        )
    block = TransformerBlock(
        config.width, config.head_width, expansion=config.expansion, window=config.window, budget=config.budget
    )
    return block if config.routed is None else RoutedBlock(block, config.width, config.routed)
