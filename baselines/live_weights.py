"""Random weights that behave like trained ones, so that nothing can be optimised away.

A fresh ResNet starts the last gain of every branch at zero, ConvNeXt its layer scale at 1e-6: a graph optimiser may
then delete whole branches, and a parity or int8 check sees none of them. Such gains are drawn near 1 instead, and
batch-norm statistics away from (0, 1), so that folding them changes numbers.
"""

from __future__ import annotations

import torch
from torch import nn

_DEAD = 0.1  # a constant vector below this is a gain its recipe meant to grow in training
_GAIN_STD = 0.1
_NOT_GAINS = ("bias", "token", "pos", "embed")


@torch.no_grad()
def make_live(model: nn.Module, seed: int) -> list[str]:
    """Draw near-zero constant gains of ``model`` anew, near 1, in place; return the names of those drawn.

    Biases, embeddings and anything that is not constant are left as they are. Weight matrices that a recipe starts at
    exactly zero get a standard deviation of ``fan_in ** -0.5``, since a matrix near 1 would blow activations up.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for name, parameter in model.named_parameters():
        if any(word in name.rpartition(".")[2] for word in _NOT_GAINS) or not _dead(parameter):
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        matrix = parameter.squeeze().ndim > 1 and bool((parameter == 0).all())
        value = noise * parameter[0].numel() ** -0.5 if matrix else 1 + _GAIN_STD * noise
        parameter.copy_(value)
        drawn.append(name)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            _draw_statistics(module, generator)
    return drawn


def _dead(parameter: torch.Tensor) -> bool:
    if parameter.numel() == 0 or parameter.is_meta:
        return False
    low, high = parameter.aminmax()
    return bool(low == high) and abs(float(low)) < _DEAD


def _draw_statistics(norm: nn.modules.batchnorm._BatchNorm, generator: torch.Generator) -> None:
    if norm.running_mean is None or norm.running_var is None or norm.running_mean.is_meta:
        return
    shape = norm.running_mean.shape
    norm.running_mean.copy_(0.1 * torch.randn(shape, generator=generator))
    norm.running_var.copy_(0.75 + 0.5 * torch.rand(shape, generator=generator))
