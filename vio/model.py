"""VIO v3: a convolutional pyramid whose late stages mix places by hidden states and by pooled attention."""

from __future__ import annotations

from torch import Tensor, nn

from vio.attention import PooledAttention
from vio.backbone import Backbone
from vio.configs.v3 import StageConfig, VIOConfig
from vio.conv import ConvNorm, DenseBlock, Downsample, LocalBlock
from vio.hidden_state import HiddenStateMixer
from vio.ssd_mixer import SSDMixer
from vio.stem import Stem

FIRST_STRIDE = 4


class MixerBlock(nn.Module):
    """A mixer that reaches far, then a block that works nearby, both as residuals."""

    def __init__(self, mixer: nn.Module, local: LocalBlock) -> None:
        super().__init__()
        self.mixer = mixer
        self.local = local

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        x = x + self.mixer(x)
        y: Tensor = self.local(x)
        return y


class VIO(Backbone):
    """The flagship; see `Backbone` for what goes in and out."""

    def __init__(self, config: VIOConfig) -> None:
        stages: list[nn.Module] = []
        in_width, scans = None, 0
        for stage in config.stages:
            stages.append(_stage(in_width, stage, config, scans))
            in_width, scans = stage.width, scans + stage.blocks.count("ssd")
        widths = [stage.width for stage in config.stages]
        super().__init__(
            config,
            stem=Stem(config.in_chans, widths[0]),
            stages=stages,
            widths=widths,
            strides=[FIRST_STRIDE * 2**index for index in range(len(stages))],
            tail=nn.Sequential(ConvNorm(widths[-1], config.num_features, 1), nn.ReLU(inplace=True)),
            num_features=config.num_features,
        )


def _stage(in_width: int | None, stage: StageConfig, config: VIOConfig, scans: int) -> nn.Module:
    layers: list[nn.Module] = [] if in_width is None else [Downsample(in_width, stage.width)]
    for kind in stage.blocks:
        layers.append(_block(kind, stage.width, config, reverse=scans % 2 == 1))
        scans += kind == "ssd"
    return nn.Sequential(*layers)


def _block(kind: str, width: int, config: VIOConfig, *, reverse: bool) -> nn.Module:
    if kind == "dense":
        return DenseBlock(width)
    hidden = round(width * config.expansion)
    if kind == "states":
        return LocalBlock(width, hidden, HiddenStateMixer(width, config.state_size))
    local = LocalBlock(width, hidden)
    if kind == "conv":
        return local
    if kind == "ssd":
        return MixerBlock(SSDMixer(width, config.head_width, config.state_size, reverse=reverse), local)
    return MixerBlock(PooledAttention(width, config.head_width), local)
