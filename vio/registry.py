"""Models by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from vio.configs import ARCHITECTURES, load_attribute, load_config, override, takes_images
from vio.configs.base import ModelConfig

if TYPE_CHECKING:
    from vio.backbone import Backbone


def create_model(
    name: str, *, features_only: bool = False, out_indices: int | Sequence[int] | None = None, **overrides: Any
) -> nn.Module:
    """Build a named model with fresh weights.

    Args:
        name: one of `list_models()`.
        features_only: build a `vio.pyramid.Pyramid`, which returns the maps of its stages, instead.
        out_indices: the stages that a pyramid returns; all if None.
        overrides: single values of its configuration to replace, such as num_classes or in_chans; and, for training
            an image model, drop_rate (dropout before the classifier) and drop_path_rate (stochastic depth).

    Raises:
        ValueError: unknown name, unknown override, or a value that can't be used.
    """
    rates = {rate: overrides.pop(rate) for rate in ("drop_rate", "drop_path_rate") if rate in overrides}
    model = build_model(override(load_config(name), **overrides))
    if any(rates.values()):
        _backbone(name, model, "drop_rate and drop_path_rate").set_drop_rates(**rates)
    if features_only:
        from vio.pyramid import Pyramid

        return Pyramid(_backbone(name, model, "features_only"), out_indices)
    if out_indices is not None:
        raise ValueError("out_indices chooses the maps of a pyramid: pass features_only=True with it")
    return model


def build_model(config: ModelConfig) -> nn.Module:
    """The model that a configuration describes, with fresh weights."""
    return cast("nn.Module", load_attribute(ARCHITECTURES[config.architecture].model)(config))


def _backbone(name: str, model: nn.Module, wanted: str) -> Backbone:
    if not takes_images(name):
        raise ValueError(f"{name} takes sequences; {wanted} is for models of images")
    return cast("Backbone", model)
