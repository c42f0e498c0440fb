"""Hidden-state mixing: the state-space layer of an image, which has no first place and needs no scan.

A scan writes tokens one after another to a state that every later token reads. Without an order all tokens write to one
state, and all read it: `vio.scan.ssd_noncausal`. The state is a handful of rows however large the image is, so channels
are mixed there and not at every place (EfficientViM's HSM-SSD, arXiv 2411.15241):

    h_n = sum_t softmax_t(B x)_tn x_t        h' = W2 relu(W1 h)        y_t = sum_n softmax_n(C x)_tn h'_n

Letters:
    B  batch          L  places, H W          C  channels          N  hidden states
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.tokens import keep_variance


class HiddenStateMixer(nn.Module):
    """Every place tells all others what it holds, through N hidden states.

    Both softmaxes keep sizes bounded at any number of places: a state is a mean over places, a place reads a mean over
    states. Costs 4 L N C + 2 N C^2 MACs an image, where attention costs 4 L C^2 + 2 L^2 C.

    Args:
        width: channels, C.
        state_size: hidden states, N.
    """

    def __init__(self, width: int, state_size: int) -> None:
        super().__init__()
        self.b = nn.Linear(width, state_size)
        self.c = nn.Linear(width, state_size)
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        keep_variance(self.b, self.c, self.mix, self.out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> the same."""
        u = x.flatten(1, 2)  # (B, L, C)
        write = self.b(u).softmax(1)  # (B, L, N)
        read = self.c(u).softmax(2)  # (B, L, N)
        states = torch.bmm(write.transpose(1, 2), u)  # (B, N, C)
        states = self.out(F.relu(self.mix(states)))  # (B, N, C)
        return torch.bmm(read, states).reshape(x.shape)
