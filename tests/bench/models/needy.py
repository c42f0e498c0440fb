"""A model that needs a package beside torch when it is built."""

from __future__ import annotations

import torch
from torch import nn


class Modest(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean(1)


def needy() -> nn.Module:
    import numpy.linalg  # noqa: F401

    return Modest()
