"""The linear map of each place's channels, by whichever library is faster at it here."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.pieces import is_plain_inference, is_watched

MIN_NUMBERS = 50_000
"""Numbers of a map from which on a convolution is worth the time that it takes to begin. With two threads on a Zen 5 it
takes 1.0 of a product's time at 7 x 7 x 320, 0.9 at 14 x 14 x 128, 0.6 at 14 x 14 x 320 and 28 x 28 x 128. Under 20,480
torch gives it to no other library than the product (`use_mkldnn` in ATen's Convolution.cpp)."""


class Pointwise(nn.Module):
    """`linear` over the channels of maps."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, in_features) -> (B, H, W, out_features)."""
        return through(self.linear, x)


def through(linear: nn.Linear, x: Tensor) -> Tensor:
    """`linear(x)` of a map (B, H, W, in_features); the layer is called where it is another than torch's, or watched."""
    if type(linear) is nn.Linear and not is_watched(linear):
        return pointwise(x, linear.weight, linear.bias)
    y: Tensor = linear(x)
    return y


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of a map (B, H, W, in): (B, H, W, out); in plain inference, where that is faster, by a convolution."""
    if is_plain_inference(x) and _is_faster_as_convolution(x):
        return F.conv2d(x.permute(0, 3, 1, 2), weight[:, :, None, None], bias).permute(0, 2, 3, 1)
    return F.linear(x, weight, bias)


def _is_faster_as_convolution(x: Tensor) -> bool:
    if x.dtype != torch.float32 or x.numel() < MIN_NUMBERS:
        return False
    # with one thread ATen gives a 1x1 convolution to MKL too
    return torch.get_num_threads() > 1 and bool(torch.backends.mkldnn.enabled) and _products_are_narrow()


@functools.cache
def _products_are_narrow() -> bool:
    """Whether torch's products leave half of this CPU unused.

    They are MKL's, which takes AVX2 on a CPU of AMD; convolutions are oneDNN's, which takes AVX-512 where it is: on a
    Zen 5 they do twice the MACs a second from 28 x 28 x 128 on, with two threads. No other CPU of AMD's was measured.
    On Intel's both take AVX-512, and the product is up to 1.5 times as fast.
    """
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 has no such function
    return torch.backends.mkl.is_available() and bool(known.get("avx512_f")) and "AMD" in known.get("cpu_name", "")
