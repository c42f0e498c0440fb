"""Models by name."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from vio.configs import ARCHITECTURES, load_attribute, load_config, override
from vio.configs.base import ModelConfig


def create_model(name: str, **overrides: Any) -> nn.Module:
    """Build a named model with fresh weights.

    Args:
        name: one of `list_models()`.
        overrides: single values of its configuration to replace, such as num_classes or in_chans.

    Raises:
        ValueError: unknown name, unknown override, or a value of the wrong type.
    """
    return build_model(override(load_config(name), **overrides))


def build_model(config: ModelConfig) -> nn.Module:
    """The model that a configuration describes, with fresh weights."""
    return cast("nn.Module", load_attribute(ARCHITECTURES[config.architecture].model)(config))
