"""The image models that the tests of the common surface go through, and what they are fed with."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

import vio
from vio.backbone import Backbone
from vio.configs import ARCHITECTURES, load_config, takes_images

NAMES = [name for name in vio.list_models() if takes_images(name)]
"""Every image model."""

_SIZES = ("nano", "tiny", "small", "base")


def _size(name: str) -> int:
    return next(place for place, size in enumerate(_SIZES) if size in name.split("_"))


def _smallest_of_each() -> dict[str, str]:
    by_size = sorted(NAMES, key=_size, reverse=True)
    return {load_config(name).architecture: name for name in by_size}


ONE_OF_EACH = sorted({"vio_tiny", *_smallest_of_each().values()})
"""The flagship and the smallest model of each architecture, for what would take too long with all."""

_TINY: dict[str, dict[str, Any]] = {
    "vio": {
        "stages": [
            {"width": 8, "blocks": ["dense"]},
            {"width": 16, "blocks": ["conv", "states", "ssd"]},
            {"width": 16, "blocks": ["attention"]},
        ],
        "head_width": 8,
        "state_size": 4,
        "num_features": 32,
    },
    "hybrid": {"stem_width": 8, "width": 32, "blocks": ["mamba", "transformer"], "depth": 1, "head_width": 8},
    "mambavision": {"width": 32, "depth": 2, "head_width": 16},
    "vio_v1": {"stem_width": 8, "widths": [8, 16, 16], "depths": [1, 1, 1], "recurrent_width": 8, "num_features": 32},
    "vio_v2": {
        "stem_width": 8,
        "conv_width": 8,
        "conv_depth": 1,
        "attention_width": 16,
        "attention_depth": 1,
        "mixing_width": 16,
        "mixing_depth": 1,
        "head_width": 8,
        "num_features": 32,
    },
}


@functools.cache
def built(name: str) -> Backbone:
    """A model in evaluation mode, shared between tests: leave it as it is."""
    return fresh(name).eval()


def fresh(name: str, **overrides: Any) -> Backbone:
    """A model of one's own, the same each time."""
    torch.manual_seed(0)
    model = vio.create_model(name, **overrides)
    assert isinstance(model, Backbone)
    return model


@functools.cache
def miniature(architecture: str) -> Backbone:
    """A model of every part of an architecture, but narrow and shallow, for tools that take long."""
    name = _smallest_of_each()[architecture]
    return fresh(name, num_classes=5, **_TINY.get(architecture, {})).eval()


IMAGE_ARCHITECTURES = sorted(set(ARCHITECTURES) & set(_smallest_of_each()))


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    """Noise of the given shape."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lively(module: nn.Module) -> nn.Module:
    """In evaluation, with norms that have seen something."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(tensor, 0.5, 2.0)
    return module.eval()
