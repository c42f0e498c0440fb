"""Examples that fit into memory, and the digest of what they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from suites.tasks.task import Batch


@dataclass(frozen=True)
class TensorExamples:
    """Images (N, C, H, W) uint8, or tokens (N, L) int64, with their labels, (N,) or (N, L)."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Tensor) -> Batch:
        """The examples at `indices`."""
        return Batch(self.inputs[indices], self.targets[indices])

    def labels(self) -> Tensor:
        """Every label."""
        return self.targets

    def subset(self, indices: Tensor) -> TensorExamples:
        """The examples at `indices`, as examples of their own."""
        return TensorExamples(self.inputs[indices], self.targets[indices])


def digest(*parts: Tensor | str) -> str:
    """SHA-256 over shapes, dtypes and bytes of tensors, and over strings: 16 hex digits.

    A string may be a file name of any bytes, as Python reads it.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(f"str {len(part)} {part}".encode("utf-8", "surrogateescape"))
        else:
            total.update(f"{part.dtype} {tuple(part.shape)}".encode())
            total.update(part.contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]


def held_out(count: int, share: float) -> tuple[Tensor, Tensor]:
    """A fixed split of `count` examples: indices to train on and, `share` of all, to validate on; both in order."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(20_000_101))
    cut = max(1, round(share * count))
    return order[cut:].sort().values, order[:cut].sort().values
