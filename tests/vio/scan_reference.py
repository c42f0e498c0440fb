"""The recurrences that the scans stand for, written token by token in float64, and arguments to try them on."""

from __future__ import annotations

import torch
from torch import Tensor

from vio.scan import LOG_DECAY_MIN


def ssd_recurrence(
    x: Tensor, log_decay: Tensor, b: Tensor, c: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    x, log_decay, b, c = (t.double() for t in (x, log_decay, b, c))
    decay = log_decay.clamp(LOG_DECAY_MIN, 0).exp()
    h = x.new_zeros(x.shape[0], x.shape[2], b.shape[2], x.shape[3]) if state is None else state.double()
    outputs = []
    for t in range(x.shape[1]):
        h = decay[:, t, :, None, None] * h + b[:, t, None, :, None] * x[:, t, :, None, :]
        outputs.append((c[:, t, None, :, None] * h).sum(2))
    return torch.stack(outputs, 1), h


def selective_recurrence(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    x, dt, A, B, C, D = (t.double() for t in (x, dt, A, B, C, D))
    h = x.new_zeros(x.shape[0], *A.shape) if state is None else state.double()
    outputs = []
    for t in range(x.shape[1]):
        h = (dt[:, t, :, None] * A).exp() * h + dt[:, t, :, None] * B[:, t, None, :] * x[:, t, :, None]
        outputs.append((h * C[:, t, None, :]).sum(-1) + D * x[:, t])
    return torch.stack(outputs, 1), h


def ssd_arguments(
    batch: int = 2, length: int = 20, heads: int = 3, channels: int = 4, size: int = 5,
    *, decay: float = 1.0, seed: int = 0, dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, length, heads, channels, generator=g, dtype=torch.float64)
    log_decay = -decay * torch.rand(batch, length, heads, generator=g, dtype=torch.float64)
    b = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    c = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    return x.to(dtype), log_decay.to(dtype), b.to(dtype), c.to(dtype)


def selective_arguments(
    batch: int = 2, length: int = 20, channels: int = 6, size: int = 4,
    *, step: float = 0.1, rate: float = 16.0, seed: int = 0, dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, length, channels, generator=g, dtype=torch.float64)
    dt = step * torch.rand(batch, length, channels, generator=g, dtype=torch.float64)
    A = -rate * torch.rand(channels, size, generator=g, dtype=torch.float64)
    B = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    C = torch.randn(batch, length, size, generator=g, dtype=torch.float64)
    D = torch.randn(channels, generator=g, dtype=torch.float64)
    return x.to(dtype), dt.to(dtype), A.to(dtype), B.to(dtype), C.to(dtype), D.to(dtype)


def error(got: Tensor, want: Tensor, terms: Tensor | None = None) -> float:
    """Largest error, relative to the largest value, or to the largest sum of the absolute `terms` that it is made of.

    A sum that nearly cancels has no small error relative to itself in any arithmetic.
    """
    return ((got.double() - want).abs().max() / (want if terms is None else terms).abs().max()).item()
