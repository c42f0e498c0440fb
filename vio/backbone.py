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
from torch.nn.modules.conv import _ConvNd

from vio.configs import override
from vio.configs.base import ModelConfig
from vio.fusion import fuse
from vio.latent_readout import LatentReadout
from vio.pretrained import Pretrained
from vio.training import depth_rates, recomputed, stochastic_depth

MIN_SIZE = 32
_NOMINAL_SIZE = 224
_Model = TypeVar("_Model", bound="Backbone")


class Backbone(Pretrained):
    """Image classifier and feature extractor: (B, in_chans, H, W) -> (B, num_classes), for any H and W from 32 up.

    Args:
        config: what the model is made of.
        stem: (B, in_chans, H, W) -> map.
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
        super().__init__()
        self.config = config
        self.num_classes = config.num_classes
        self.in_chans = config.in_chans
        self.num_features = self.head_hidden_size = num_features
        self.global_pool = config.global_pool
        self.drop_rate = self.drop_path_rate = 0.0
        self.grad_checkpointing = False
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.tail = tail
        self.pool = self._readout()
        self.fc = self._classifier()
        self.feature_info: list[dict[str, Any]] = [
            {"num_chs": width, "reduction": stride, "module": f"stages.{index}"}
            for index, (width, stride) in enumerate(zip(widths, strides, strict=True))
        ]
        self.architecture_cfg = {
            "pool_size": (-(-_NOMINAL_SIZE // strides[-1]),) * 2,
            "first_conv": next(f"stem.{n}" for n, m in stem.named_modules() if isinstance(m, nn.Conv2d)),
        }
        self.default_cfg = self.pretrained_cfg = {**default_cfg(config), **self.architecture_cfg}

    def get_classifier(self) -> nn.Module:
        """The linear layer behind the pooled features; an identity when there are no classes."""
        return self.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one; 0 classes for none, so that the model returns its features."""
        pool = self.global_pool if global_pool is None else global_pool
        self.config = override(self.config, num_classes=num_classes, global_pool=pool)
        changed = pool != self.global_pool
        self.num_classes, self.global_pool = num_classes, pool
        if changed:
            self.pool = self._readout()
        self.fc = self._classifier()

    def _readout(self) -> nn.Module:
        if self.global_pool != "latent":
            return nn.Identity()
        return LatentReadout(self.num_features).to(next(self.stem.parameters()))

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
        x = self._start(x)
        for index in range(len(self.stages)):
            x = self._run_stage(index, x)
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

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,  # noqa: ARG002
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The maps after chosen stages, in the order chosen, and unless `intermediates_only` the features before them.

        Args:
            x: images, (B, in_chans, H, W).
            indices: stages, from 0; negative ones count from the end. None for all; a number n for the last n.
            norm: accepted as timm passes it; no stage here leaves a norm to a later one.
            stop_early: do not compute what lies behind the last chosen stage; the features are then its map.
            output_fmt: only 'NCHW'.
            intermediates_only: return the maps alone.

        Raises:
            ValueError: `indices` names a stage that there is not, or `output_fmt` is another.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', got {output_fmt!r}")
        taken = take_indices(len(self.stages), indices)
        if intermediates_only:
            return self.intermediates(x, taken)
        count = max(taken) + 1 if stop_early else len(self.stages)
        maps = self.intermediates(x, range(count))
        features = self.tail(maps[-1]) if count == len(self.stages) else maps[-1]
        return features, [maps[index] for index in taken]

    def intermediates(self, x: Tensor, indices: Sequence[int]) -> list[Tensor]:
        """The maps after the given stages (from 0), in the order given; nothing behind the last of them is computed."""
        x = self._start(x)
        maps = []
        for index in range(max(indices) + 1):
            x = self._run_stage(index, x)
            maps.append(x)
        return [maps[index] for index in indices]

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] | None = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove what lies behind the last chosen stage, and with `prune_head` the classifier; the stages chosen.

        With `prune_norm` the tail goes too. A model without its last stages has neither tail nor classifier.
        """
        taken = take_indices(len(self.stages), indices)
        shortened = max(taken) + 1 < len(self.stages)
        if shortened or prune_norm:
            self.stages = self.stages[: max(taken) + 1]
            self.tail = nn.Identity()
            self.num_features = self.head_hidden_size = self.feature_info[max(taken)]["num_chs"]
        if prune_head or shortened or prune_norm:
            self.reset_classifier(0, "")
        return taken

    def fuse(self: _Model) -> _Model:
        """Fold every batch norm into the layer before it, in place, for faster inference; the model itself.

        Raises:
            ValueError: the model is in training mode.
        """
        fuse(self)
        self.is_fused = True
        return self

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute the inner tensors of each block again in the backward pass instead of keeping them."""
        self.grad_checkpointing = enable

    def set_drop_rates(self, *, drop_rate: float | None = None, drop_path_rate: float | None = None) -> None:
        """Set, for training, the dropout before the classifier and the stochastic depth of the last block.

        The depth's rate rises linearly from 0 at the first block, over all blocks that keep the shape of their input.

        Raises:
            ValueError: a rate is not from 0 up to, but not including, 1.
        """
        for name, rate in (("drop_rate", drop_rate), ("drop_path_rate", drop_path_rate)):
            if rate is None:
                continue
            if not 0 <= rate < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {rate}")
            setattr(self, name, float(rate))

    def no_weight_decay(self) -> set[str]:
        """Parameters that an optimizer should not decay: all but the weights of linear maps and convolutions."""
        return {
            f"{module_name}.{name}" if module_name else name
            for module_name, module in self.named_modules()
            for name, _ in module.named_parameters(recurse=False)
            if not (name == "weight" and isinstance(module, (nn.Linear, _ConvNd)))
        }

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers from the input to the head, as timm's layer-wise decay asks for them; `coarse` for whole stages."""
        blocks = [(r"^stages\.(\d+)\.(\d+)", None), (r"^stages\.(\d+)", (0,))]
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)" if coarse else blocks}

    def _start(self, x: Tensor) -> Tensor:
        self._check_input(x)
        x = x.contiguous(memory_format=torch.channels_last)  # then each map is already a row of tokens
        y: Tensor = self.stem(x)
        return y

    def _run_stage(self, index: int, x: Tensor) -> Tensor:
        recompute = self.grad_checkpointing and torch.is_grad_enabled()
        skip = self.training and self.drop_path_rate > 0
        if not recompute and not skip:
            y: Tensor = self.stages[index](x)
            return y
        rates = depth_rates([len(_blocks(stage)) for stage in self.stages], self.drop_path_rate if skip else 0.0)
        for block, rate in zip(_blocks(self.stages[index]), rates[index], strict=True):
            y = recomputed(block, x) if recompute else block(x)
            x = stochastic_depth(x, y, rate) if rate and y.shape == x.shape else y
        return x

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


def take_indices(count: int, indices: int | Sequence[int] | None) -> list[int]:
    """Stages of `count` that are meant, from 0: all for None, the last n for a number n, else each as given.

    Raises:
        ValueError: there is no such stage, or none is meant.
    """
    if indices is None:
        return list(range(count))
    if isinstance(indices, int):
        if not 0 < indices <= count:
            raise ValueError(f"indices: the last {indices} of {count} stages can't be taken")
        return list(range(count - indices, count))
    bad = [index for index in indices if not -count <= index < count]
    if bad or not indices:
        raise ValueError(f"indices must name stages from {-count} to {count - 1}, got {list(indices)}")
    return [index % count for index in indices]


def _blocks(stage: nn.Module) -> list[nn.Module]:
    """The blocks that a stage runs one after the other."""
    return list(stage) if isinstance(stage, nn.Sequential) and type(stage).forward is nn.Sequential.forward else [stage]
