"""What every scan asks of its arguments, and the precision that it computes in."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

LENGTH_MAX = 2**31 - 1
"""Longest sequence: kernels and exported runtimes index tokens with int32."""


def check_input(name: str, tensor: Tensor, axes: str) -> tuple[int, ...]:
    """Check the tensor that says how many batch entries, tokens, heads and channels there are.

    Args:
        name: what the caller calls it.
        tensor: floating, without an empty axis.
        axes: names of its axes, separated by ", "; the one named "length" is at most `LENGTH_MAX`.

    Returns:
        Its sizes.

    Raises:
        ValueError: one of these does not hold.
    """
    names = axes.split(", ")
    if tensor.ndim != len(names):
        raise ValueError(f"{name} must be ({axes}), got shape {tuple(tensor.shape)}")
    check_floating(name, tensor)
    for axis, size in zip(names, tensor.shape, strict=True):
        if size == 0:
            raise ValueError(f"{name} has {axis} 0: there must be at least one")
        if axis == "length" and size > LENGTH_MAX:
            raise ValueError(f"{name} has length {size}: at most {LENGTH_MAX} tokens can be indexed, scan it in parts")
    return tuple(tensor.shape)


def check_state_size(name: str, tensor: Tensor, axes: str) -> int:
    """Check the tensor whose last axis is the state size, and give that size.

    Raises:
        ValueError: it has another number of axes, or a state of size 0.
    """
    if tensor.ndim != len(axes.split(", ")):
        raise ValueError(f"{name} must be ({axes}), got shape {tuple(tensor.shape)}")
    if tensor.shape[-1] == 0:
        raise ValueError(f"{name} must have a state size of at least 1, got shape {tuple(tensor.shape)}")
    return tensor.shape[-1]


def check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Check that a tensor is floating and has the shape that the other arguments give it.

    Raises:
        ValueError: it is not or has not.
    """
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)} to fit the other arguments, got {tuple(tensor.shape)}")
    check_floating(name, tensor)


def check_state(state: Tensor, shape: tuple[int, ...]) -> None:
    """Check a carried state: it comes from the same model and batch, and was never rounded.

    Raises:
        ValueError: it has another shape, or is not float32 or float64.
    """
    check_shape("state", state, shape)
    if state.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"state must be float32 or float64, got {state.dtype}: a rounded state drifts with every token"
        )


def check_floating(name: str, tensor: Tensor) -> None:
    """Check that a tensor holds real floating-point numbers.

    Raises:
        ValueError: it holds integers, booleans or complex numbers.
    """
    if not tensor.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {tensor.dtype}")


def scan_dtype(x: Tensor) -> torch.dtype:
    """The dtype to scan `x` in: float64 for float64, else float32."""
    return torch.promote_types(x.dtype, torch.float32)


def full_precision(device_type: str) -> contextlib.AbstractContextManager[object]:
    """Switch autocast off where it is on: half precision would overflow, and the state would drift."""
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return contextlib.nullcontext()
