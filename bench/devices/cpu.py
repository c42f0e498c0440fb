"""The CPU. Peak memory is the kernel's high-water mark of the resident set."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bench.job import Findings
from suites.record import MeasurementWarning

_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # Linux, proc(5): writing 5 to clear_refs resets VmHWM to VmRSS
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc, mallopt(3)
_LEARNT_AT_MOST = 32 * 2**20  # glibc's DEFAULT_MMAP_THRESHOLD_MAX where a long has 8 bytes
_PASSES, _PASSES_S = 5, 1.0
_UNSTEADY = 0.05


class CpuDevice:
    """The processor and main memory of this machine."""

    torch_name = "cpu"

    def unavailable(self) -> str | None:
        """Never."""
        return None

    def timed(self, call: Callable[[], object]) -> float:
        """Wall seconds; operators on a CPU have ended when they return."""
        start = time.perf_counter_ns()
        call()
        return (time.perf_counter_ns() - start) * 1e-9

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def prepare_for_memory(self) -> None:
        """Have glibc map large blocks one by one and return them at once (mallopt).

        By default freed blocks linger in the heap, and the same forward reads anything between nothing and twice its
        need. Free blocks that were in the heap before would still be filled first, so this comes before the build.
        """
        _set_allocator(mmap_threshold=65536, trim_threshold=0)

    def prepare_for_timing(self) -> None:
        """Give glibc's allocator the thresholds that it gives itself once a process has freed a block of 32 MiB.

        It learns them from what is freed (mallopt(3), the notes on M_MMAP_THRESHOLD), and then keeps up to 64 MiB of
        freed memory. A fresh process gives it back and fetches it again, or not, as its heap happens to lie: the same
        mixer took 2.8 ms in one process and 5.4 in the next. Larger blocks are mapped in either.
        """
        _set_allocator(mmap_threshold=_LEARNT_AT_MOST, trim_threshold=2 * _LEARNT_AT_MOST)

    def peak_memory(self, call: Callable[[], object]) -> Findings:
        """``peak_rss``: the resident set's high-water mark during ``call`` minus the resident set before it, in bytes.

        Two calls go before the first pass, and what is free is returned (malloc_trim) before each.
        """
        found = Findings()
        try:
            _reset_peak()
        except OSError as error:
            found.warnings.append(_no_rss(f"the peak can't be reset here: {error}"))
            return found
        peaks: list[float] = []
        started = time.perf_counter()
        for _ in range(2):
            call()
        while len(peaks) < _PASSES and (len(peaks) < 2 or time.perf_counter() - started < _PASSES_S):
            gc.collect()
            _return_freed_memory()
            before = _status_bytes("VmRSS")
            _reset_peak()
            call()
            peaks.append(float(max(0, _status_bytes("VmHWM") - before)))
        found.sampled("peak_rss", peaks, "B", "VmHWM after reset minus VmRSS before, large blocks mapped")
        spread = (max(peaks) - min(peaks)) / max(statistics.median(peaks), 1.0)
        if spread > _UNSTEADY and max(peaks) - min(peaks) > 2**20:
            found.warnings.append(_unsteady(peaks))
        return found


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in {_STATUS}")


def _reset_peak() -> None:
    _CLEAR_REFS.write_text(_RESET_PEAK)


def _return_freed_memory() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _no_rss(message: str) -> MeasurementWarning:
    return MeasurementWarning(
        kind="rss_unavailable",
        metric="peak_rss",
        message=f"no peak_rss: {message}",
        evidence={},
        advice="use peak_tensor_bytes, or run on Linux with a writable /proc/self/clear_refs",
    )


def _set_allocator(*, mmap_threshold: int, trim_threshold: int) -> None:
    with suppress(OSError, AttributeError):  # another C library: its allocator stays as it is
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, mmap_threshold)
        libc.mallopt(_M_TRIM_THRESHOLD, trim_threshold)


def _unsteady(peaks: list[float]) -> MeasurementWarning:
    return MeasurementWarning(
        kind="rss_unsteady",
        metric="peak_rss",
        message=f"peak_rss differed by {(max(peaks) - min(peaks)) / 2**20:.1f} MiB between passes of one process",
        evidence={"peaks_bytes": peaks},
        advice="compare peak_tensor_bytes instead: it is exact",
    )


DEVICE = CpuDevice()
