"""NVIDIA (or ROCm) GPUs: device events for time, the caching allocator's peaks for memory."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.job import Findings


class CudaDevice:
    """The current CUDA device."""

    torch_name = "cuda"

    def unavailable(self) -> str | None:
        """Where torch sees no GPU."""
        if torch.cuda.is_available():
            return None
        return "torch sees no CUDA GPU here: see nvidia-smi, and whether torch has CUDA; or use --device cpu"

    def timed(self, call: Callable[[], object]) -> float:
        """Seconds between two device events around ``call``."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e-3

    def synchronize(self) -> None:
        """Wait for all streams."""
        torch.cuda.synchronize()

    def prepare_for_memory(self) -> None:
        """Nothing: the device has an allocator of its own."""

    def prepare_for_timing(self) -> None:
        """Nothing: the device's allocator keeps what is freed."""

    def peak_memory(self, call: Callable[[], object]) -> Findings:
        """``peak_allocated`` beyond what was held before, and ``peak_reserved`` from the driver, in bytes."""
        call()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        torch.cuda.synchronize()
        found = Findings()
        peak = torch.cuda.max_memory_allocated() - before
        found.exact("peak_allocated", peak, "B", "max_memory_allocated minus memory_allocated before")
        found.exact("peak_reserved", torch.cuda.max_memory_reserved(), "B", "max_memory_reserved, weights included")
        return found


DEVICE = CudaDevice()
