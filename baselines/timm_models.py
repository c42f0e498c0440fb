"""timm's models by their own names, always with random weights.

A vision transformer is built for the image size under test: resampling position embeddings in every forward would
be charged to the model. A family that takes any size is built without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baselines.catalogue import IMAGES, Head, Shape, listed
from baselines.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

# timm module -> family; a module that is not named here is a family of its own name.
_FAMILIES = {"vision_transformer": "vit", "deit": "vit", "resnetv2": "resnet"}


def all_names() -> list[str]:
    """Every architecture name that the installed timm can build."""
    import timm

    return list(timm.list_models())


class TimmSource:
    """Models that ``timm.create_model`` builds; a pretrained tag after a dot is accepted and has no effect."""

    def names(self) -> list[str]:
        """Every architecture name that the installed timm can build."""
        return all_names()

    def find(self, name: str) -> str | None:
        """The family of a timm model, or None where timm has no such name."""
        import timm

        if not timm.is_model(name.partition(".")[0]):
            return None
        module: str = timm.model_entrypoint(name.partition(".")[0]).__module__.rpartition(".")[2]
        return _FAMILIES.get(module, module)

    def takes(self, name: str) -> Shape:  # noqa: ARG002
        """Images in colour."""
        return IMAGES

    def config(self, name: str, family: str, shape: tuple[int, ...]) -> dict[str, Any]:
        """``img_size`` for models with a fixed input size, nothing for all others."""
        return {"img_size": list(shape[-2:])} if family == "vit" or _fixed_size(name) else {}

    def task_config(self, name: str, family: str, shape: tuple[int, ...], head: Head) -> dict[str, Any]:
        """As for any input of this shape, with the task's classes and channels."""
        return self.config(name, family, shape) | {"num_classes": head.classes, "in_chans": head.channels}

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """The model with timm's own initialisation."""
        import timm

        try:
            model: nn.Module = timm.create_model(name, pretrained=False, **config)
        except (AssertionError, ValueError) as error:
            raise UsageError(f"timm can't build '{name}' with {config}: {error}") from error
        return model


def _fixed_size(name: str) -> bool:
    if name in listed():  # known not to be fixed, and asking timm would import it
        return False
    import timm

    cfg = timm.get_pretrained_cfg(name)
    return bool(cfg is not None and cfg.fixed_input_size)


SOURCE = TimmSource()
