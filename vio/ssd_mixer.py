"""A state-space mixer for maps: the scan of Mamba-2 over the places of an image in raster order."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vio.conv import ConvNorm
from vio.mamba_block import SelectiveScan
from vio.scan import bound_log_decay, ssd


class SSDMixer(SelectiveScan):
    """Causal mixing of the places of a map in raster order, or with `reverse` from the last to the first.

    A model alternates the two directions from mixer to mixer, at half the cost of scanning both ways in each. The short
    convolution is a depthwise 3x3 on the map. Costs L C (3 C + 2 N + H + 9) MACs an image of L places, and the scan's.
    """

    def __init__(self, width: int, head_width: int, state_size: int, *, reverse: bool) -> None:
        super().__init__(width, width, head_width, state_size)
        self.reverse = reverse
        self.local = ConvNorm(width, width, 3, groups=width)
        self.read_scale = math.sqrt(state_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        batch, width, rows, cols = x.shape
        u = self.local(x).permute(0, 2, 3, 1).reshape(batch, rows * cols, width)  # (B, L, C)
        if self.reverse:
            u = u.flip(1)
        step, rate = self.dynamics(u)  # (B, L, heads)
        b = F.normalize(self.b(u), dim=-1)  # (B, L, N)
        c = F.normalize(self.c(u), dim=-1) * self.read_scale  # (B, L, N)
        v = self.split_heads(self.value(u))  # (B, L, heads, head_width)
        y, _ = ssd(v * step.unsqueeze(-1), bound_log_decay(rate), b, c)
        y = self.read_out(y, v, torch.sigmoid(self.gate(u)))  # (B, L, C)
        if self.reverse:
            y = y.flip(1)
        return y.reshape(batch, rows, cols, width).permute(0, 3, 1, 2)  # (B, C, H, W)
