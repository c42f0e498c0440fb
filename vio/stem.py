"""The stem of the VIO image models."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vio.conv import ConvNorm, is_settled
from vio.pieces import Joined, is_plain_inference, is_watched

BAND_ROWS = 28
"""Rows of its output that the stem makes at a time. Sixteen would take a third off `vio_tiny`'s peak of memory at 224 x
224, and add 4 % to its time."""

BATCH_ELEMENTS = 2**20
"""Numbers of the map at stride 2, 4 MiB, up to which images are worked on together."""


class Stem(nn.Module):
    """3x3 convolution of stride 2, another of stride 1, then max-pooling of stride 2: H x W to H/4 x W/4.

    It is ResNet's deep stem (arXiv 1812.01187) without its third convolution. What a model has done at stride 2 decides
    more of its accuracy than width or depth at stride 4 and 8; a depthwise second convolution, or a narrow first, costs
    half as much and gives most of that away. The last ReLU commutes with the pooling and comes after it, where there is
    a quarter to do.

    In plain inference on a CPU the maps at stride 2 are made a band of rows at a time. As a whole they would be the
    model's peak of memory, and more than glibc keeps between forwards. The rows at a seam are computed twice, up to a
    tenth of the stem's MACs, which a count of the whole does not see.
    """

    def __init__(self, in_chans: int, width: int) -> None:
        super().__init__()
        first = max(8, 8 * round(width * 3 / 32))  # three quarters, in whole vectors of eight
        self.conv1 = ConvNorm(in_chans, first, 3, stride=2)
        self.conv2 = ConvNorm(first, width, 3)
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) in any memory -> (B, width, H/4, W/4) in channels-last memory."""
        if not is_plain_inference(x) or not self._is_local():
            return self._whole(x)
        numbers = self.width * -(-x.shape[2] // 2) * -(-x.shape[3] // 2)  # of an image's map at stride 2
        outputs = Joined(x.shape[0], 0)
        for images in x.split(max(1, BATCH_ELEMENTS // numbers)):
            outputs.append(self._in_bands(images))
        return outputs.whole()

    def _is_local(self) -> bool:
        """Whether a place sees its neighbours alone, by layers as they were built, and nobody watches these."""
        norms = [layer.norm for layer in (self.conv1, self.conv2) if isinstance(layer, ConvNorm)]
        convs = [getattr(layer, "conv", layer) for layer in (self.conv1, self.conv2)]  # or itself, once fused
        return (
            all(is_settled(norm) or isinstance(norm, nn.Identity) for norm in norms)
            and all(type(conv) is nn.Conv2d and conv.dilation == (1, 1) for conv in convs)
            and not is_watched(self)
        )

    def _whole(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.act(self.conv1(x))  # (B, first, H/2, W/2)
        out: Tensor = self.act(self.pool(self.conv2(x)))  # (B, width, H/4, W/4)
        return out

    def _in_bands(self, x: Tensor) -> Tensor:
        """The same in bands of rows, each with the rows of its neighbours that it sees."""
        height = -(-x.shape[2] // 4)
        rows = -(-height // max(1, round(height / BAND_ROWS)))
        outputs = Joined(height, 2)
        for first in range(0, height, rows):
            above = min(first, 2)  # rows of the output above the band, of whose input it sees a part
            y = self._whole(x[:, :, 4 * (first - above) : 4 * (first + rows + 1)])
            outputs.append(y[:, :, above : above + min(rows, height - first)])
        return outputs.whole()
