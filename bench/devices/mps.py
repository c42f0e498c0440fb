"""Apple GPUs."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from bench.job import Findings


class MpsDevice:
    """The Metal device."""

    torch_name = "mps"

    def unavailable(self) -> str | None:
        """Where torch has no Metal device."""
        return None if torch.backends.mps.is_available() else "torch has no Metal device here; use --device cpu"

    def timed(self, call: Callable[[], object]) -> float:
        """Wall seconds from an idle device to an idle device."""
        torch.mps.synchronize()
        start = time.perf_counter_ns()
        call()
        torch.mps.synchronize()
        return (time.perf_counter_ns() - start) * 1e-9

    def synchronize(self) -> None:
        """Wait for the command queue."""
        torch.mps.synchronize()

    def prepare_for_memory(self) -> None:
        """Nothing: the device has an allocator of its own."""

    def prepare_for_timing(self) -> None:
        """Nothing: the device's allocator keeps what is freed."""

    def peak_memory(self, call: Callable[[], object]) -> Findings:
        """``held_driver_memory`` after a call, in bytes: Metal reports what is held, not a peak."""
        call()
        torch.mps.synchronize()
        found = Findings()
        held = torch.mps.driver_allocated_memory()
        found.exact("held_driver_memory", held, "B", "driver_allocated_memory after a call, weights included")
        return found


DEVICE = MpsDevice()
