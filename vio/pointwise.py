"""The linear map of each place's channels, by whichever library is faster at it on this CPU."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.pieces import is_plain_inference

MIN_PLACES = 256
"""Fewer are too few for a convolution to make up for its longer way to the first product."""


class Pointwise(nn.Linear):
    """`nn.Linear` over the channels of maps (B, H, W, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, in_features) -> (B, H, W, out_features)."""
        return pointwise(x, self.weight, self.bias)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of a map (B, H, W, in): (B, H, W, out), or in plain inference the 1x1 convolution that equals it."""
    places = x.shape[0] * x.shape[1] * x.shape[2]
    if is_plain_inference(x) and x.dtype == torch.float32 and places >= MIN_PLACES and _convolutions_are_faster():
        return F.conv2d(x.permute(0, 3, 1, 2), weight[:, :, None, None], bias).permute(0, 2, 3, 1)
    return F.linear(x, weight, bias)


@functools.cache
def _convolutions_are_faster() -> bool:
    """Whether a 1x1 convolution beats a matrix product here.

    torch's products in float32 are MKL's, which leaves AVX-512 alone on a CPU of AMD; its convolutions are oneDNN's,
    which asks what the CPU can do. There a convolution does twice as many MACs a second. On Intel's it does two thirds.
    """
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 has no such function
    return bool(known.get("avx512_f")) and "AMD" in known.get("cpu_name", "")
