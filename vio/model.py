"""VIO v3: a convolutional pyramid whose late stages mix places by state-space scan and by pooled attention.

`VIO` has the surface of a timm model: `forward_features`, `forward_head`, `reset_classifier`, `num_features`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vio.attention import PooledAttention
from vio.config import VIOConfig, load_config, override
from vio.conv import ConvNorm, DenseBlock, Downsample, LocalBlock, Stem
from vio.mamba_block import SSDMixer

MIN_SIZE = 32


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


class VIO(nn.Module):
    """Image classifier and feature extractor: (B, in_chans, H, W) -> (B, num_classes), for any H and W from 32 up.

    Raises:
        ValueError: in a forward, for an input of another rank, number of channels, or below 32 x 32.
    """

    def __init__(self, config: VIOConfig) -> None:
        super().__init__()
        self.config = config
        self.num_classes = config.num_classes
        self.num_features = config.num_features
        self.global_pool = config.global_pool
        self.default_cfg: dict[str, Any] = {
            "input_size": (config.in_chans, 224, 224),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "interpolation": "bicubic",
            "crop_pct": 0.95,
            "num_classes": config.num_classes,
            "first_conv": "stem.patch.conv",
            "classifier": "fc",
        }

        self.stem = Stem(config.in_chans, config.stem_width)
        self.stages = nn.Sequential()
        in_width, scans = config.stem_width, 0
        for stage in config.stages:
            layers: list[nn.Module] = [Downsample(in_width, stage.width)]
            for kind in stage.blocks:
                layers.append(_block(kind, stage.width, config, reverse=scans % 2 == 1))
                scans += kind == "ssd"
            self.stages.append(nn.Sequential(*layers))
            in_width = stage.width
        self.features = ConvNorm(in_width, config.num_features, 1)
        self.act = nn.ReLU(inplace=True)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):  # keeps the variance, so that a fresh model is alive in eval
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        self.fc = self._classifier()

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one; 0 classes for none, so that the model returns its features."""
        pool = self.global_pool if global_pool is None else global_pool
        self.config = override(self.config, num_classes=num_classes, global_pool=pool)
        self.num_classes, self.global_pool = num_classes, pool
        self.fc = self._classifier()

    def _classifier(self) -> nn.Module:
        if self.num_classes == 0:
            return nn.Identity()
        weight = self.features.conv.weight
        fc = nn.Linear(self.num_features, self.num_classes, device=weight.device, dtype=weight.dtype)
        nn.init.trunc_normal_(fc.weight, std=0.02)
        nn.init.zeros_(fc.bias)
        return fc

    def forward_features(self, x: Tensor) -> Tensor:
        """Unpooled features, (B, num_features, H/32, W/32) for three stages."""
        self._check_input(x)
        x = x.contiguous(memory_format=torch.channels_last)  # then each map is already a row of tokens
        x = self.stem(x)  # (B, C, H/4, W/4)
        x = self.stages(x)  # (B, C, H/32, W/32)
        y: Tensor = self.act(self.features(x))  # (B, num_features, H/32, W/32)
        return y

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool features and classify them; with `pre_logits` stop before the classifier."""
        if self.global_pool == "avg":
            x = x.mean((2, 3))  # (B, num_features)
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, num_classes); features when there is no classifier."""
        return self.forward_head(self.forward_features(x))

    def _check_input(self, x: Tensor) -> None:
        chans = self.config.in_chans
        if x.ndim != 4 or x.shape[1] != chans:
            raise ValueError(f"x must be (batch, {chans}, height, width), got shape {tuple(x.shape)}")
        if x.shape[2] < MIN_SIZE or x.shape[3] < MIN_SIZE:
            raise ValueError(f"x must be at least {MIN_SIZE} x {MIN_SIZE}, got {x.shape[2]} x {x.shape[3]}")


def _block(kind: str, width: int, config: VIOConfig, *, reverse: bool) -> nn.Module:
    if kind == "dense":
        return DenseBlock(width)
    local = LocalBlock(width, round(width * config.expansion))
    if kind == "conv":
        return local
    if kind == "ssd":
        return MixerBlock(SSDMixer(width, config.head_width, config.state_size, reverse=reverse), local)
    return MixerBlock(PooledAttention(width, config.head_width), local)


def create_model(name: str, **overrides: Any) -> VIO:
    """Build a named model with fresh weights.

    Args:
        name: one of `list_models()`.
        overrides: single values of its `VIOConfig` to replace, such as num_classes or in_chans.

    Raises:
        ValueError: unknown name, unknown override, or a value of the wrong type.
    """
    return VIO(override(load_config(name), **overrides))
