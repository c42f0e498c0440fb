"""What all blocks on rows of tokens share: checks, masks, and a short depthwise convolution along the row."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.scan.checks import LENGTH_MAX, scan_dtype


class TokenConv(nn.Module):
    """Depthwise convolution along a row of tokens, causal or centred; zeros stand before the first and after the last.

    It is a convolution over a map of one row in channels-last memory: the tokens stay where they are. A CPU runs that
    about three times as fast as `conv1d` between two transpositions, or as shifted multiply-adds.
    """

    def __init__(self, width: int, kernel: int, *, causal: bool) -> None:
        super().__init__()
        if kernel < 1:
            raise ValueError(f"kernel must be 1 or more, got {kernel}")
        self.conv = nn.Conv2d(width, width, (1, kernel), groups=width)
        self.kernel = kernel
        self.before = kernel - 1 if causal else (kernel - 1) // 2
        """Tokens that a token sees before itself."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        return self._convolve(F.pad(x, (0, 0, self.before, self.kernel - 1 - self.before)))

    def between(self, x: Tensor, first: int, last: int) -> Tensor:
        """What `forward` gives for the tokens from `first` up to `last`, which is left out: (B, last - first, C).

        0 <= first < last <= L. They are read where they are, but for those that need zeros at an end of the row.
        """
        start, stop = first - self.before, last + self.kernel - 1 - self.before
        seen = x[:, max(start, 0) : stop]
        missing = max(-start, 0), max(stop - x.shape[1], 0)
        return self._convolve(F.pad(seen, (0, 0, *missing)) if any(missing) else seen)

    def prefill(self, x: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        """Go on by (B, L, C) from the kernel - 1 tokens before; returns these last of x too, in memory of their own."""
        recent = x[:, max(x.shape[1] - window.shape[1], 0) :].to(window.dtype)
        after = torch.cat([window[:, recent.shape[1] :], recent], dim=1)
        return self._convolve(torch.cat([window.to(x.dtype), x], dim=1)), after

    def step(self, x: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        """Go on by one token, (B, C): a weighted sum, which starts sooner than a convolution."""
        seen = torch.cat([window, x.unsqueeze(1).to(window.dtype)], dim=1)  # (B, kernel, C)
        y = (seen.to(x.dtype) * self.conv.weight[:, 0, 0].t()).sum(1)  # (B, C)
        return y + self.bias, seen[:, 1:]

    @property
    def bias(self) -> Tensor:
        """(C,)."""
        return cast("Tensor", self.conv.bias)

    def _convolve(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.transpose(1, 2).unsqueeze(2))  # (B, C, 1, L), channels-last
        return y.squeeze(2).transpose(1, 2)


def length_mask(lengths: Tensor, length: int) -> Tensor:
    """(B,) numbers of real tokens -> (B, length) mask, True where a token is real and not padding."""
    return torch.arange(length, device=lengths.device) < lengths.unsqueeze(1)


def without_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, L, C) with zeros where the mask (B, L) is False: a weight of 0 would not be enough, as 0 times NaN is NaN."""
    return x if mask is None else x.masked_fill(~mask.unsqueeze(2), 0.0)


def check_tokens(x: Tensor, width: int, mask: Tensor | None = None) -> None:
    """Raise ValueError unless x is (B, L, width) with at least one sequence of one token, and the mask fits it."""
    if x.ndim != 3 or x.shape[2] != width:
        raise ValueError(f"x must be (batch, length, {width}), got shape {tuple(x.shape)}")
    check_not_empty(x)
    if mask is not None:
        check_mask(mask, x)


def check_token(x: Tensor, width: int) -> None:
    """Raise ValueError unless x is (B, width) with at least one sequence."""
    if x.ndim != 2 or x.shape[1] != width:
        raise ValueError(f"x must be (batch, {width}), one token a sequence, got shape {tuple(x.shape)}")
    check_not_empty(x)


def check_not_empty(x: Tensor) -> None:
    """Raise ValueError unless (B, L, ...) has a sequence, and each has 1 to `LENGTH_MAX` tokens.

    A single token, (B, C) with C above 0, passes for a sequence.
    """
    if x.shape[0] == 0:
        raise ValueError("x has batch size 0: at least one sequence is needed")
    if x.shape[1] == 0:
        raise ValueError("x has length 0: at least one token is needed")
    if x.shape[1] > LENGTH_MAX:
        raise ValueError(f"x has length {x.shape[1]}: at most {LENGTH_MAX} tokens can be indexed, stream it in parts")


def check_mask(mask: Tensor, x: Tensor) -> None:
    """Raise ValueError unless the mask is boolean and (B, L) as x is."""
    if mask.dtype != torch.bool or mask.shape != x.shape[:2]:
        raise ValueError(
            f"mask must be boolean of shape {tuple(x.shape[:2])}, got {mask.dtype} of shape {tuple(mask.shape)}"
        )


def check_state(name: str, state: Tensor, shape: tuple[int, ...], parameter: Tensor) -> None:
    """Raise ValueError unless a piece of a state has this shape, and fits a model with such a parameter."""
    if tuple(state.shape) != shape:
        raise ValueError(
            f"{name} must have shape {shape}, got {tuple(state.shape)}: it comes from another model or batch size"
        )
    dtype, device = scan_dtype(parameter), parameter.device
    if state.dtype != dtype or state.device != device:
        raise ValueError(f"{name} must be {dtype} on {device}, got {state.dtype} on {state.device}")


def new_state(shape: tuple[int, ...], parameter: Tensor) -> Tensor:
    """A piece of a state before the first token: zeros in full precision, beside the parameter.

    Raises:
        ValueError: the first axis, the batch, is below 1.
    """
    if shape[0] < 1:
        raise ValueError(f"batch must be 1 or more, got {shape[0]}")
    return parameter.new_zeros(shape, dtype=scan_dtype(parameter))


def keep_variance(*layers: nn.Linear) -> None:
    """Draw weights so that each layer's output varies as much as its input does."""
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
