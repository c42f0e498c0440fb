"""Fold batch norms into the convolution or linear layer before them, for any model alike.

Which layer feeds which norm is found by running the model once and matching tensors by where they lie in memory, so no
graph capture is needed, a model that can't be traced folds as well, and a view between the two is seen through. The
caller's check is the output: it must not change.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

_Convs = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.inference_mode(False)
@torch.no_grad()
def fold_batch_norms(model: nn.Module, example: torch.Tensor) -> int:
    """Fold every foldable batch norm of ``model`` (in evaluation mode), in place; return how many were folded.

    A norm is folded where its input is exactly the output of a convolution or linear layer, or a view of all of it,
    that ran once and feeds this norm alone. An activation fused into the norm (timm's ``BatchNormAct2d``) stays.
    """
    pairs = _feeding_layers(model, example)
    names = {module: name for name, module in model.named_modules()}
    for norm, layer in pairs.items():
        _fold(layer, norm)
        parent_name, _, child = names[norm].rpartition(".")
        setattr(model.get_submodule(parent_name), child, _what_remains(norm))
    return len(pairs)


def _feeding_layers(model: nn.Module, example: torch.Tensor) -> dict[nn.modules.batchnorm._BatchNorm, nn.Module]:
    produced: dict[tuple[int, int], tuple[nn.Module, int]] = {}  # by place and size: its layer, and its version then
    kept: list[torch.Tensor] = []  # keeps outputs alive, so that a place is never used twice
    calls: dict[nn.Module, int] = {}
    pairs: dict[nn.modules.batchnorm._BatchNorm, nn.Module] = {}

    def after_layer(module: nn.Module, _: Any, output: torch.Tensor) -> None:
        calls[module] = calls.get(module, 0) + 1
        produced[_place(output)] = (module, output._version)
        kept.append(output)

    def before_norm(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(module, nn.modules.batchnorm._BatchNorm)
        calls[module] = calls.get(module, 0) + 1
        layer, version = produced.get(_place(inputs[0]), (None, 0))
        untouched = inputs[0]._version == version  # an activation in place makes it another tensor
        if layer is not None and untouched and module.running_mean is not None and _width(layer) == module.num_features:
            pairs[module] = layer

    handles = []
    for module in model.modules():
        if isinstance(module, (*_Convs, nn.Linear)):
            handles.append(module.register_forward_hook(after_layer))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            handles.append(module.register_forward_pre_hook(before_norm))
    try:
        model(example)
    finally:
        for handle in handles:
            handle.remove()
    feeds = list(pairs.values())
    return {n: layer for n, layer in pairs.items() if calls[n] == calls[layer] == 1 and feeds.count(layer) == 1}


def _place(tensor: torch.Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.numel()


def _width(layer: nn.Module) -> int:
    width = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    assert isinstance(width, int)
    return width


def _fold(layer: nn.Module, norm: nn.modules.batchnorm._BatchNorm) -> None:
    assert isinstance(layer, (*_Convs, nn.Linear))
    assert norm.running_mean is not None and norm.running_var is not None
    fuse = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
    layer.weight, layer.bias = fuse(
        layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )


def _what_remains(norm: nn.Module) -> nn.Module:
    """timm's BatchNormAct2d is norm, dropout and activation in one module."""
    rest = [m for m in (getattr(norm, "drop", None), getattr(norm, "act", None)) if isinstance(m, nn.Module)]
    return nn.Sequential(*rest) if rest else nn.Identity()
