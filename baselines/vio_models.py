"""VIO's own models, under the same roof as timm's and through ``timm.create_model`` too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import vio
from vio.configs import config_dict, load_config, takes_images

if TYPE_CHECKING:
    from torch import nn

    from baselines.catalogue import Head, Shape


class VioSource:
    """Models that the ``vio`` package registers; their whole configuration is part of a cell's identity."""

    def names(self) -> list[str]:
        """Every model that the package registers."""
        return list(vio.list_models())

    def find(self, name: str) -> str | None:
        """``vio`` where the package has a model of that name."""
        return "vio" if name in vio.list_models() else None

    def takes(self, name: str) -> Shape:
        """Images, or sequences with the channels of its configuration."""
        return load_config(name).input_shape

    def config(self, name: str, family: str, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """The model's configuration; any height, width and length run through the same weights."""
        return config_dict(name)

    def task_config(self, name: str, family: str, shape: tuple[int, ...], head: Head) -> dict[str, Any]:  # noqa: ARG002
        """The model's configuration with the task's classes, channels or vocabulary, and pool."""
        config = config_dict(name) | {"num_classes": head.classes}
        if head.channels is not None:
            config["in_chans"] = head.channels
        if not takes_images(name):
            config |= {"vocab_size": head.vocabulary, "global_pool": head.pooling}
        return config

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """The model as ``config`` describes it."""
        return vio.create_model(name, **config)


SOURCE = VioSource()


default_cfgs: dict[str, dict[str, Any]] = {}
"""How each registered model wants its images, where timm looks for it."""


def register_in_timm() -> None:
    """Make ``timm.create_model("vio_tiny")`` work, for every image model. Registering twice changes nothing."""
    import timm
    from timm.models import register_model

    from vio.backbone import default_cfg

    for name in vio.list_models():
        if takes_images(name) and not timm.is_model(name):
            default_cfgs[name] = default_cfg(load_config(name))
            register_model(_entrypoint(name))


def _entrypoint(name: str) -> Any:

    def create(pretrained: bool = False, **kwargs: Any) -> Any:
        from timm.models import build_model_with_cfg

        from vio.backbone import Backbone

        model = build_model_with_cfg(
            partial(vio.create_model, name),
            name,
            pretrained,
            # A map for each stage unless told otherwise; the flattening is for timm's other ways to take maps out.
            feature_cfg={"feature_cls": "getter", "out_indices": None, "flatten_sequential": True},
            **kwargs,
        )
        backbone = getattr(model, "model", model)
        if isinstance(backbone, Backbone):
            model.pretrained_cfg.update(backbone.architecture_cfg)  # timm knows only what the configuration tells
        return model

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    return create
