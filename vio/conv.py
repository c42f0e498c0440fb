"""Convolutions with their batch norms: downsampling, the dense and the local block.

Every BatchNorm stands directly after its convolution or linear map, in one module, so that it folds at inference.
Shapes are (B, C, H, W) throughout. H/s stands for ceil(H / s), so that any input size goes through.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)

from vio.pieces import is_plain_inference, is_watched
from vio.pointwise import Pointwise, pointwise, through

FOLDING_COST = 4
"""Numbers that a norm is through with in the time in which one weight is folded: that takes several small operators."""

RESIDUAL_GAIN = 0.1
"""Initial gain of the last norm of a residual branch: a fresh model is nearly the identity, which trains faster. Zero,
as ResNet's recipes have it, would leave the rest of the branch without a gradient at the first step."""


class ConvNorm(nn.Module):
    """Convolution without bias, padded so that stride 1 keeps the size, then batch norm.

    Fresh weights keep the variance, so that a model is alive in evaluation before its norms have seen a batch.
    """

    def __init__(self, in_width: int, width: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_width, width, kernel, stride, kernel // 2, groups=groups, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="linear")
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_width, H, W) -> (B, width, H / stride, W / stride)."""
        conv, norm = self.conv, self.norm
        y: Tensor
        if _folds(conv, norm, x):
            y = conv._conv_forward(x, *fuse_conv_bn_weights(conv.weight, conv.bias, *_affine(norm)))
        else:
            y = norm(conv(x))
        return y

    def fused(self) -> nn.Conv2d:
        """One convolution that does the same in evaluation mode (see `vio.fusion`)."""
        return fuse_conv_bn_eval(self.conv, self.norm)


class LinearNorm(nn.Module):
    """Linear map of each place's channels without bias, then batch norm: (B, H, W, in_width) -> (B, H, W, width).

    It is a 1x1 `ConvNorm` for channels-last memory; how it is computed depends on the CPU (see `vio.pointwise`).
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_width, width, bias=False)
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="linear")
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, in_width) -> (B, H, W, width)."""
        if _folds(self.linear, self.norm, x):
            return pointwise(x, *fuse_linear_bn_weights(self.linear.weight, self.linear.bias, *_affine(self.norm)))
        y: Tensor = self.norm(through(self.linear, x).permute(0, 3, 1, 2))  # (B, width, H, W)
        return y.permute(0, 2, 3, 1)

    def fused(self) -> Pointwise:
        """One linear map that does the same in evaluation mode (see `vio.fusion`)."""
        return Pointwise(fuse_linear_bn_eval(self.linear, self.norm))


def is_settled(norm: nn.Module) -> bool:
    """Whether a norm does the same to every place of every image: torch's own batch norm, by what it remembers."""
    return type(norm) is nn.BatchNorm2d and not norm.training and norm.running_mean is not None


def _folds(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether to multiply the norm into the weights on the way: there are far fewer of them than numbers to normalise.

    Not where layer or norm is another than was built, or somebody hooked in: the weights alone don't tell what it does.
    """
    if not is_plain_inference(x) or type(layer) not in (nn.Conv2d, nn.Linear):
        return False
    if not is_settled(norm) or not norm.affine or is_watched(layer) or is_watched(norm):
        return False
    if isinstance(layer, nn.Conv2d):
        places = x.shape[0] * x.shape[2] * x.shape[3] // (layer.stride[0] * layer.stride[1])
    else:
        places = x.shape[0] * x.shape[1] * x.shape[2]
    return FOLDING_COST * layer.weight[0].numel() < places


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, float, Tensor, Tensor]:
    """What torch's fusion asks of a norm."""
    mean, variance = cast("tuple[Tensor, Tensor]", (norm.running_mean, norm.running_var))
    return mean, variance, norm.eps, norm.weight, norm.bias


class Downsample(nn.Sequential):
    """Dense 3x3 of stride 2: (B, in_width, H, W) -> (B, width, H/2, W/2).

    A depthwise 3x3 with a 1x1 behind it has fewer MACs, and is no faster on a CPU.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(in_width, width, 3, stride=2)
        self.act = nn.ReLU(inplace=True)


class DenseBlock(nn.Module):
    """Residual pair of dense 3x3 convolutions (ResNet's basic block), for the early stages.

    At widths under 100 a CPU runs these at more MACs a second than a depthwise convolution with a feed-forward layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, width, 3)
        self.act = nn.ReLU(inplace=True)
        self.conv2 = ConvNorm(width, width, 3)
        nn.init.constant_(self.conv2.norm.weight, RESIDUAL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> the same."""
        y: Tensor = self.act(self.conv1(x))
        out: Tensor = self.act(x + self.conv2(y))
        return out


class LocalBlock(nn.Module):
    """Depthwise 7x7, then a feed-forward layer, as one residual: ConvNeXt's block (arXiv 2201.03545).

    Batch norms stand in the place of ConvNeXt's LayerNorm, and behind both linear maps too: they cost nothing once
    folded, and without them the block learns slower.

    Args:
        width: channels, in and out.
        hidden: channels between the two linear maps.
        mixer: (B, H, W, width) -> the same; what it finds far away is added to what the convolution finds nearby.
    """

    def __init__(self, width: int, hidden: int, mixer: nn.Module | None = None) -> None:
        super().__init__()
        self.local = ConvNorm(width, width, 7, groups=width)
        self.mixer = mixer
        self.widen = LinearNorm(width, hidden)
        self.act = nn.ReLU(inplace=True)
        self.narrow = LinearNorm(hidden, width)
        nn.init.constant_(self.narrow.norm.weight, RESIDUAL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> the same."""
        y: Tensor = self.local(x).permute(0, 2, 3, 1)  # (B, H, W, width)
        if self.mixer is not None:
            y = y + self.mixer(y)
        y = self.act(self.widen(y))  # (B, H, W, hidden)
        y = self.narrow(y).permute(0, 3, 1, 2)  # (B, width, H, W)
        return x + y
