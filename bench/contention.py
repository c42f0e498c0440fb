"""How much of the machine other programs used while something was timed. Read before and after, never during."""

from __future__ import annotations

import gc
import os
import time
from types import TracebackType

import psutil
from typing_extensions import Self

from suites.record import MeasurementWarning

_BUSY_SHARE = 0.10
_SHORTEST_S = 0.2  # CPU seconds; the kernel counts in ticks of 10 ms


class Contention:
    """A timed stretch: garbage collection is off, and CPU time that went elsewhere is noted."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self.others = 0.0
        """CPU time that others used (steal included) as a share of all CPUs' time."""

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        self._start = (time.perf_counter(), _busy_s(), time.process_time())
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        wall, busy, own = self._start
        elapsed = (time.perf_counter() - wall) * (os.cpu_count() or 1)
        self.others = max(0.0, (_busy_s() - busy) - (time.process_time() - own)) / max(elapsed, 1e-9)
        self._long_enough = elapsed > _SHORTEST_S
        gc.enable()

    def warnings(self) -> list[MeasurementWarning]:
        """A warning where others used more than a tenth of the machine."""
        if not self._long_enough or self.others < _BUSY_SHARE:
            return []
        return [
            MeasurementWarning(
                kind="busy_machine",
                metric=self._metric,
                message=f"other programs used {self.others:.0%} of the CPUs while this was timed",
                evidence={"others_share": round(self.others, 3)},
                advice="close them, or trust ratios within this block only",
            )
        ]


def _busy_s() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # the kernel counts them as user too
    return float(sum(times) - idle - twice)
