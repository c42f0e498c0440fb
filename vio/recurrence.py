"""A gated recurrent unit over rows of tokens, both ways at once, and a sweep of it over maps.

torch's own `nn.GRU` is the oracle of the tests. This one computes the same and is plain operators: torch.compile takes
it whole, torch.export without a warning, and MAC counters see its products. On a CPU it takes as long, because one loop
serves both directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vio.scan.checks import full_precision, scan_dtype
from vio.tokens import keep_variance

GATES = 3
"""Reset, update and candidate, in nn.GRU's order."""


class BidirectionalGRU(nn.Module):
    """GRU (Cho et al., arXiv 1406.1078, in nn.GRU's form) from the first token on and from the last: (B, L, C) -> 2 R.

    The recurrence is float32 under autocast and in half precision (float64 for float64).
    Costs 6 R (C + R) MACs a token at R units a direction.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.input = nn.Linear(width, 2 * GATES * units)
        self.recurrent = nn.Parameter(torch.empty(2, units, GATES * units))
        self.candidate_bias = nn.Parameter(torch.zeros(2, 1, units))
        keep_variance(self.input)
        nn.init.zeros_(self.input.bias)
        for direction in self.recurrent.detach():
            for gate in direction.chunk(GATES, dim=1):
                nn.init.orthogonal_(gate)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, 2 R): what came before each token, then what comes after it."""
        dtype = scan_dtype(x)
        drive = self.input(x).to(dtype)  # (B, L, 2 * 3 R)
        ahead, back = drive.chunk(2, dim=-1)
        drive = torch.stack([ahead, back.flip(1)])  # (2, B, L, 3 R)
        with full_precision(x.device.type):
            recurrent, bias = self.recurrent.to(dtype), self.candidate_bias.to(dtype)
            state = drive.new_zeros(2, x.shape[0], self.units)
            states = []
            for drive_t in drive.unbind(2):  # (2, B, 3 R)
                gates, candidate = drive_t.split([2 * self.units, self.units], dim=-1)
                memory = torch.bmm(state, recurrent)  # (2, B, 3 R)
                gates_memory, candidate_memory = memory.split([2 * self.units, self.units], dim=-1)
                reset, update = torch.sigmoid(gates + gates_memory).chunk(2, dim=-1)  # (2, B, R) each
                candidate = torch.tanh(torch.addcmul(candidate, reset, candidate_memory + bias))
                state = torch.lerp(candidate, state, update)
                states.append(state)
        ahead, back = torch.stack(states, dim=2).unbind(0)  # (B, L, R) each
        return torch.cat([ahead, back.flip(1)], dim=-1).to(x.dtype)


class RecurrentSweep(nn.Module):
    """Recurrent layers over the rows of a map, then over its columns, each both ways, as one residual.

    This is ReNet's layer (arXiv 1505.00393) with one place a patch. After both sweeps every place has heard of every
    other, in H + W steps one after the other where a GRU over the raster takes H W.
    Costs R (8 C + 24 R) MACs a place at width C and R units, so it is linear in the places.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.rows = BidirectionalGRU(width, units)
        self.cols = BidirectionalGRU(2 * units, units)
        self.out = nn.Linear(2 * units, width)
        keep_variance(self.out)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        batch, _, height, width = x.shape
        y = self.norm(x.permute(0, 2, 3, 1))  # (B, H, W, C)
        y = self.rows(y.flatten(0, 1))  # (B H, W, 2 R)
        y = y.reshape(batch, height, width, -1).transpose(1, 2)  # (B, W, H, 2 R)
        y = self.cols(y.flatten(0, 1))  # (B W, H, 2 R)
        y = y.reshape(batch, width, height, -1).transpose(1, 2)  # (B, H, W, 2 R)
        out: Tensor = x + self.out(y).permute(0, 3, 1, 2)
        return out
