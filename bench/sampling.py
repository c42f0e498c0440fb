"""When a model is warm, and when enough samples were taken: pure logic over a function that times one call.

Nothing here reads a clock; ``timed()`` runs one call and returns its seconds. So both rules are tested on recorded
and made-up timings, without sleeping.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from suites.estimate import median_interval
from suites.record import MeasurementWarning

WINDOW_S = 0.1
"""A window for the stationarity test spans at least this long..."""
WINDOW_MIN = 4
"""...and at least this many calls."""
CAPPED_MIN = 2
"""Warm calls after the first that even a call longer than the cap gets."""
FLOOR_S = 0.3
"""A process samples at least this long, however narrow its interval: a quiet moment must not stand for the whole."""
TOLERANCE = 0.05
"""Two halves agree when location and spread each differ by less than this share of the median."""


@dataclass(frozen=True)
class WarmUp:
    """How warming up went."""

    first_s: float
    """The very first call: allocations, primitive caches, lazy initialisation."""
    calls: int
    seconds: float
    stationary: bool


def warm_up(timed: Callable[[], float], cap_s: float) -> WarmUp:
    """Call until two halves of the latest window agree in location and spread, or ``cap_s`` seconds have gone.

    The first call is never part of a window, and no warm-up call is ever a sample.
    """
    first = timed()
    times: list[float] = []
    while True:
        times.append(timed())
        window = latest_window(times)
        if window and stationary(window):
            return WarmUp(first, 1 + len(times), first + sum(times), True)
        if first + sum(times) >= cap_s and len(times) >= CAPPED_MIN:
            return WarmUp(first, 1 + len(times), first + sum(times), False)


def latest_window(times: Sequence[float]) -> Sequence[float]:
    """The fewest latest times that span ``WINDOW_S`` and are an even count of at least ``WINDOW_MIN``; else empty."""
    span = 0.0
    for count, seconds in enumerate(reversed(times), 1):
        span += seconds
        if span >= WINDOW_S and count >= WINDOW_MIN and count % 2 == 0:
            return times[-count:]
    return ()


def stationary(window: Sequence[float]) -> bool:
    """Whether the halves of a window agree: medians and median absolute deviations, within ``TOLERANCE``."""
    half = len(window) // 2
    first, second = window[:half], window[-half:]
    allowed = TOLERANCE * statistics.median(window)
    location = abs(statistics.median(first) - statistics.median(second))
    spread = abs(_deviation(first) - _deviation(second))
    return location <= allowed and spread <= allowed


def _deviation(values: Sequence[float]) -> float:
    centre = statistics.median(values)
    return statistics.median(abs(value - centre) for value in values)


def sample(timed: Callable[[], float], *, target: float, cap_s: float, minimum: int) -> list[float]:
    """Time calls until the median's interval is within ``target`` (relative half-width) or ``cap_s`` seconds have gone.

    At least ``minimum`` samples are taken whatever they cost, and ``FLOOR_S`` seconds of them unless the cap is less.
    The interval is only looked at each time the count has grown by a tenth, so that looking stays cheap beside very
    short calls.
    """
    times: list[float] = []
    spent, look_at = 0.0, max(minimum, 6)
    while True:
        times.append(timed())
        spent += times[-1]
        if len(times) < minimum:
            continue
        if spent >= cap_s:
            return times
        if len(times) >= look_at and spent >= FLOOR_S:
            look_at = len(times) + max(1, len(times) // 10)
            low, high, confidence = median_interval(sorted(times))
            if confidence >= 0.95 and (high - low) / 2 <= target * statistics.median(times):
                return times


def not_stationary(metric: str, warmed: WarmUp) -> MeasurementWarning:
    """The warning for a metric that was sampled before it had settled."""
    return MeasurementWarning(
        kind="not_stationary",
        metric=metric,
        message=f"still drifting after {warmed.calls} warm-up calls ({warmed.seconds:.1f} s)",
        evidence={"calls": warmed.calls, "seconds": warmed.seconds},
        advice="run 'vio-bench doctor', close other programs, or raise protocol.warmup_cap_s in the suite",
    )
