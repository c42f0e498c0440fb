"""Fold what only training needs into the layers beside it, for inference.

The protocol is one method: a module that has `fused()` is replaced by what it returns. `ConvNorm.fused()` gives the
convolution with its batch norm folded in; a block of several branches may give the one convolution that they add up to.
A module that answers speaks for all of its children.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class Fusible(Protocol):
    """A module with a leaner equal for inference."""

    def fused(self) -> nn.Module:
        """A module whose output in evaluation mode is the same within rounding; this one is left as it is."""


def fuse(model: nn.Module) -> None:
    """Replace every `Fusible` inside of `model` by what its `fused()` gives, in place. A second time changes nothing.

    Raises:
        ValueError: a part of the model is in training mode, where a batch norm depends on the batch.
    """
    training = [name or type(model).__name__ for name, module in model.named_modules() if module.training]
    if training:
        raise ValueError(f"{training[0]} is in training mode; call model.eval() before model.fuse()")
    _replace_children(model)


def _replace_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, Fusible):
            setattr(module, name, child.fused().eval())
        else:
            _replace_children(child)
