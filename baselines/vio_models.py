"""VIO's own models, under the same roof as timm's and through ``timm.create_model`` too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vio
from vio.configs import config_dict

if TYPE_CHECKING:
    from torch import nn


class VioSource:
    """Models that the ``vio`` package registers; their whole configuration is part of a cell's identity."""

    def find(self, name: str) -> str | None:
        """``vio`` where the package has a model of that name."""
        return "vio" if name in vio.list_models() else None

    def config(self, name: str, family: str, height: int, width: int) -> dict[str, Any]:  # noqa: ARG002
        """The model's configuration; any height and width run through the same weights."""
        return config_dict(name)

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """The model as ``config`` describes it."""
        return vio.create_model(name, **config)


SOURCE = VioSource()


def register_in_timm() -> None:
    """Make ``timm.create_model("vio_tiny")`` work. Registering twice changes nothing."""
    import timm
    from timm.models import register_model

    for name in vio.list_models():
        if not timm.is_model(name):
            register_model(_entrypoint(name))


def _entrypoint(name: str) -> Any:

    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        if pretrained:
            raise RuntimeError(f"no pretrained weights exist for {name}; pass pretrained=False")
        kwargs.pop("pretrained_cfg", None), kwargs.pop("pretrained_cfg_overlay", None), kwargs.pop("cache_dir", None)
        return vio.create_model(name, **kwargs)

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    return create
