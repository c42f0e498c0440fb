"""The surface that every image model here has, the same as timm's models have.

A model is a stem, stages, a tail and a classifier. Between them go maps (B, C, H, W) in channels-last memory, so that
`x.permute(0, 2, 3, 1).flatten(1, 2)` is a row of tokens for free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.configs.base import ModelConfig
from vio.fusion import fuse
from vio.intermediates import Intermediates
from vio.training import depth_rates, recomputed, stochastic_depth

MIN_SIZE = 32
_NOMINAL_SIZE = 224
_Model = TypeVar("_Model", bound="Backbone")


class Backbone(Intermediates):
    """Image classifier and feature extractor: (B, in_chans, H, W) -> (B, num_classes), for any H and W from 32 up.

    Args:
        config: what the model is made of.
        stem: (B, in_chans, H, W) in any memory -> map.
        stages: map -> map, each. One that is a plain nn.Sequential is a row of blocks, which can be recomputed and
            skipped one by one.
        widths: channels after each stage.
        strides: input pixels a place, after each stage.
        tail: the last stage's map -> (B, num_features, h, w).
        num_features: channels that the classifier sees.

    Raises:
        ValueError: in a forward, for an input `x` of another rank, dtype, number of channels, without an image, or
            below 32 x 32.
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
        super().__init__(config, num_features)
        self.in_chans = config.in_chans
        self.drop_rate = self.drop_path_rate = 0.0
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.tail = tail
        self.build_head()
        self.feature_info = [
            {"num_chs": width, "reduction": stride, "module": f"stages.{index}"}
            for index, (width, stride) in enumerate(zip(widths, strides, strict=True))
        ]
        self.architecture_cfg = {
            "pool_size": (-(-_NOMINAL_SIZE // strides[-1]),) * 2,
            "first_conv": next(f"stem.{n}" for n, m in stem.named_modules() if isinstance(m, nn.Conv2d)),
        }
        self.default_cfg = self.pretrained_cfg = {**default_cfg(config), **self.architecture_cfg}

    def forward_features(self, x: Tensor) -> Tensor:
        """Unpooled features, (B, num_features, h, w) at the last stage's stride."""
        x = self.start(x)
        for index in range(len(self.stages)):
            x = self.run_stage(index, x)
        y: Tensor = self.tail(x)
        return y

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool features and classify them; with `pre_logits` stop before the classifier."""
        if self.global_pool == "avg":
            x = x.mean((2, 3))  # (B, num_features)
        elif self.global_pool == "latent":
            x = self.pool(x.permute(0, 2, 3, 1).flatten(1, 2))  # (B, num_features)
        if self.drop_rate:
            x = F.dropout(x, self.drop_rate, self.training)
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, num_classes); features when there is no classifier."""
        return self.forward_head(self.forward_features(x))

    def fuse(self: _Model) -> _Model:
        """Fold every batch norm into the layer before it, in place, for faster inference; the model itself.

        Raises:
            ValueError: the model is in training mode.
        """
        fuse(self)
        self.is_fused = True
        return self

    def set_drop_rates(self, *, drop_rate: float | None = None, drop_path_rate: float | None = None) -> None:
        """Set, for training, the dropout before the classifier and the stochastic depth of the last block.

        The depth's rate rises linearly from 0 at the first block; blocks that change the shape are never skipped.

        Raises:
            ValueError: a rate is not from 0 up to, but not including, 1.
        """
        for name, rate in (("drop_rate", drop_rate), ("drop_path_rate", drop_path_rate)):
            if rate is None:
                continue
            if not 0 <= rate < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {rate}")
            setattr(self, name, float(rate))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers from the input to the head, as timm's layer-wise decay asks for them; `coarse` for whole stages."""
        blocks = [(r"^stages\.(\d+)\.(\d+)", None), (r"^stages\.(\d+)", (0,))]
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)" if coarse else blocks}

    def start(self, x: Tensor) -> Tensor:
        """Images to the map that the stages begin with."""
        self._check_input(x)
        y: Tensor = recomputed(self.stem, x) if self._recompute() else self.stem(x)
        return y

    def run_stage(self, index: int, x: Tensor) -> Tensor:
        """The map before a stage to the map after it, as training asks for it."""
        recompute = self._recompute()
        skip = self.training and self.drop_path_rate > 0
        if not recompute and not skip:
            y: Tensor = self.stages[index](x)
            return y
        rates = depth_rates([len(_blocks(stage)) for stage in self.stages], self.drop_path_rate if skip else 0.0)
        for block, rate in zip(_blocks(self.stages[index]), rates[index], strict=True):
            y = recomputed(block, x) if recompute else block(x)
            x = stochastic_depth(x, y, rate) if rate and y.shape == x.shape else y
        return x

    def _recompute(self) -> bool:
        return self.grad_checkpointing and torch.is_grad_enabled()

    def _check_input(self, x: Tensor) -> None:
        chans = self.in_chans
        if x.ndim != 4 or x.shape[1] != chans:
            raise ValueError(f"x must be (batch, {chans}, height, width), got shape {tuple(x.shape)}")
        if not x.is_floating_point():
            raise ValueError(f"x must hold floating-point numbers, got {x.dtype}: scale and normalise the images first")
        if x.shape[0] == 0:
            raise ValueError(f"x must hold at least one image, got shape {tuple(x.shape)}")
        if x.shape[2] < MIN_SIZE or x.shape[3] < MIN_SIZE:
            raise ValueError(f"x must be at least {MIN_SIZE} x {MIN_SIZE}, got {x.shape[2]} x {x.shape[3]}")


def default_cfg(config: ModelConfig) -> dict[str, Any]:
    """How a model wants its images, as timm says it: what the configuration alone tells."""
    return {
        "input_size": (config.in_chans, _NOMINAL_SIZE, _NOMINAL_SIZE),
        "min_input_size": (config.in_chans, MIN_SIZE, MIN_SIZE),
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "num_classes": config.num_classes,
        "classifier": "fc",
    }


def _blocks(stage: nn.Module) -> list[nn.Module]:
    """The blocks that a stage runs one after the other."""
    return list(stage) if isinstance(stage, nn.Sequential) and type(stage).forward is nn.Sequential.forward else [stage]
