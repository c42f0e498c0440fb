"""A forward and its backward: what a call runs where the workload's mode asks for both."""

from __future__ import annotations

import torch
from torch import nn


def gradients(model: nn.Module, example: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The output of ``model``, and the gradients of its sum for the input and for every parameter that takes part.

    Nothing stays in the model: the gradients are freed as soon as the caller drops them.
    """
    leaf = example.detach().requires_grad_()  # the same storage
    leaves = [leaf, *model.parameters()]
    with torch.enable_grad():
        output: torch.Tensor = model(leaf)
        output.sum().backward()  # not autograd.grad, which FlopCounterMode's hooks on a leaf can't follow
    found = [tensor.grad for tensor in leaves if tensor.grad is not None]
    for tensor in leaves:
        tensor.grad = None
    return output.detach(), found
