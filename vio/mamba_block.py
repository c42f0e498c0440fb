"""State-space token mixer for feature maps: the SSD layer of Mamba-2 (arXiv 2405.21060, section 7) on a raster scan.

What differs from the paper: the short convolution is a depthwise 3x3 on the map; step sizes are bounded by a sigmoid
and decays by the scan; b and c have unit length and the gate is a sigmoid, so that the output grows no faster than the
input. That makes the gated RMSNorm before the output projection unnecessary.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.conv import ConvNorm
from vio.scan import ssd

STEP_RANGE = (1e-3, 1e-1)
"""Initial step sizes, log-uniform over the heads, as in the paper's reference code."""

RATE_RANGE = (1.0, 8.0)
"""Initial decay rates, uniform over the heads. Times the steps above, every decay starts inside the scan's bound."""


class SSDMixer(nn.Module):
    """Causal mixing of the places of a map in raster order, or with `reverse` from the last to the first.

    A model alternates the two directions from mixer to mixer, at half the cost of scanning both ways in each.
    Costs 3 L C^2 + 2 L C N MACs an image of L = H W places, and the scan's.
    """

    def __init__(self, width: int, head_width: int, state_size: int, *, reverse: bool) -> None:
        super().__init__()
        self.heads = width // head_width
        self.reverse = reverse
        self.local = ConvNorm(width, width, 3, groups=width)
        # Separate projections: slices of one wide product would not be contiguous.
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.b = nn.Linear(width, state_size, bias=False)
        self.c = nn.Linear(width, state_size, bias=False)
        self.step = nn.Linear(width, self.heads)
        self.log_rate = nn.Parameter(torch.empty(self.heads))
        self.skip = nn.Parameter(torch.ones(self.heads, 1))
        self.out = nn.Linear(width, width, bias=False)
        self.reset_dynamics()

    @torch.no_grad()
    def reset_dynamics(self) -> None:
        """Draw decay rates and step sizes, so that the heads remember over different lengths."""
        self.log_rate.uniform_(*RATE_RANGE).log_()
        low, high = (math.log(bound) for bound in STEP_RANGE)
        self.step.bias.uniform_(low, high).exp_().logit_()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        batch, width, rows, cols = x.shape
        u = self.local(x).permute(0, 2, 3, 1).reshape(batch, rows * cols, width)  # (B, L, C)
        if self.reverse:
            u = u.flip(1)
        step = torch.sigmoid(self.step(u))  # (B, L, heads)
        log_decay = -step * self.log_rate.exp()  # (B, L, heads)
        b = F.normalize(self.b(u), dim=-1)  # (B, L, N)
        c = F.normalize(self.c(u), dim=-1)  # (B, L, N)
        v = self.value(u).reshape(batch, rows * cols, self.heads, width // self.heads)  # (B, L, heads, head_width)
        y, _ = ssd(v * step.unsqueeze(-1), log_decay, b, c)
        y = torch.addcmul(y, v, self.skip).reshape(batch, rows * cols, width)  # (B, L, C)
        y = y * torch.sigmoid(self.gate(u))
        if self.reverse:
            y = y.flip(1)
        out: Tensor = self.out(y)
        return out.reshape(batch, rows, cols, width).permute(0, 3, 1, 2)  # (B, C, H, W)
