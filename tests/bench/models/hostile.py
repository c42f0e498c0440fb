"""Models that misbehave, and models whose figures are known, for the harness to be tried on."""

from __future__ import annotations

import ctypes
import os
import time

import torch
from torch import nn


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) @ self.weight


class AllocateWithoutEnd(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = []
        while True:
            held.append(torch.ones(64 * 2**20))


class NeverReturn(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while True:
            time.sleep(0.01)


class Segfault(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("about to fall", flush=True)
        ctypes.string_at(0)
        return x


class Raise(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("this layer\ndoes not like you")


class ReturnNan(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * float("nan")


class ReturnScalar(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).mean()


class Sleep(_Model):
    """Takes 20 ms."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.02)
        return super().forward(x)


class Allocate(_Model):
    """Holds two tensors of 32 MiB at once, and never more."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            first = torch.ones(8 * 2**20)
            second = first + 1
            del first, second
        return super().forward(x)


class ElementwiseScan(_Model):
    """A recurrence written as elementwise operators: no MACs to see."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = torch.zeros_like(x[:, :, 0])
        for row in range(x.shape[2]):
            state = 0.9 * state + 0.1 * x[:, :, row]
        return state.mean(2) @ self.weight


class ReportThreads(_Model):
    """Says, the only way a model can, how many threads it was given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"threads={torch.get_num_threads()}")


class ChangeInput(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.mul_(0.5))


class SetThreads(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.set_num_threads(3)
        return super().forward(x)


class Exit(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise SystemExit(0)


class LeaveChildBehind(_Model):
    """Forks a child that holds every pipe and never ends, then dies."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        child = os.fork()
        if child == 0:
            time.sleep(600)
        print(f"child={child}", flush=True)
        os._exit(3)


class PrintMuch(_Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("{noise}")
        return super().forward(x)
