"""The surface that every image model here has, the same as timm's models have.

A model is a stem, stages, a tail and a classifier. Between them go maps (B, C, H, W) in channels-last memory, so that
`x.permute(0, 2, 3, 1).flatten(1, 2)` is a row of tokens for free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vio.configs import override
from vio.configs.base import ModelConfig

MIN_SIZE = 32


class Backbone(nn.Module):
    """Image classifier and feature extractor: (B, in_chans, H, W) -> (B, num_classes), for any H and W from 32 up.

    Args:
        config: what the model is made of.
        stem: (B, in_chans, H, W) -> map.
        stages: map -> map, each.
        widths: channels after each stage.
        strides: input pixels a place, after each stage.
        tail: the last stage's map -> (B, num_features, h, w).
        num_features: channels that the classifier sees.

    Raises:
        ValueError: in a forward, for an input of another rank, number of channels, or below 32 x 32.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        widths: Sequence[int],
        strides: Sequence[int],
        tail: nn.Module,
        num_features: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.num_classes = config.num_classes
        self.num_features = num_features
        self.global_pool = config.global_pool
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.tail = tail
        self.fc = self._classifier()
        self.feature_info = [
            {"num_chs": width, "reduction": stride, "module": f"stages.{index}"}
            for index, (width, stride) in enumerate(zip(widths, strides, strict=True))
        ]
        self.default_cfg: dict[str, Any] = {
            "input_size": (config.in_chans, 224, 224),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "interpolation": "bicubic",
            "crop_pct": 0.95,
            "num_classes": config.num_classes,
            "first_conv": next(f"stem.{n}" for n, m in stem.named_modules() if isinstance(m, nn.Conv2d)),
            "classifier": "fc",
        }

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one; 0 classes for none, so that the model returns its features."""
        pool = self.global_pool if global_pool is None else global_pool
        self.config = override(self.config, num_classes=num_classes, global_pool=pool)
        self.num_classes, self.global_pool = num_classes, pool
        self.fc = self._classifier()

    def _classifier(self) -> nn.Module:
        if self.num_classes == 0:
            return nn.Identity()
        like = next(self.stem.parameters())
        fc = nn.Linear(self.num_features, self.num_classes, device=like.device, dtype=like.dtype)
        nn.init.trunc_normal_(fc.weight, std=0.02)
        nn.init.zeros_(fc.bias)
        return fc

    def forward_features(self, x: Tensor) -> Tensor:
        """Unpooled features, (B, num_features, h, w) at the last stage's stride."""
        self._check_input(x)
        x = x.contiguous(memory_format=torch.channels_last)  # then each map is already a row of tokens
        x = self.stem(x)
        x = self.stages(x)
        y: Tensor = self.tail(x)
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
