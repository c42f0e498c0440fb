"""An estimate: one figure with unit, interval, sample count, method and the raw samples it was made from.

Sources: Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2 (interval of a quantile from order
statistics); MLPerf LoadGen's early-stopping derivation (samples needed before a percentile may be printed).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from suites.schema import Strict

CONFIDENCE = 0.95

PERCENTILE_MINIMUM = {90: 64, 95: 130, 99: 662}
"""Samples needed before a percentile is printed: the fewest of which at most one lies above the true percentile with a
probability of at most 1 %, so that the second largest is a bound at 99 % confidence (MLPerf LoadGen, early stopping)."""


class Estimate(Strict):
    """A metric's value. Every statistic here can be computed again from `samples`."""

    value: float
    """The figure: the median of all samples, or the exact count."""
    unit: str
    """Unit of value, interval and samples."""
    low: float
    """Lower end of the interval; equals `value` for an exact figure."""
    high: float
    """Upper end of the interval; equals `value` for an exact figure."""
    confidence: Annotated[float, Field(ge=0, le=1)]
    """Coverage that the interval reaches; 1 for an exact figure, below 0.95 where samples are too few."""
    n: Annotated[int, Field(ge=1)]
    """Number of samples."""
    method: str
    """How it was obtained, in a few words."""
    exact: bool
    """Whether repeating the measurement gives the same figure each time."""
    origin: Literal["measured", "projected"] = "measured"
    """Measured here, or projected by a roofline. Never mixed in one column."""
    samples: list[list[float]]
    """Raw samples, one list a process, in order of time."""

    @property
    def half_width(self) -> float:
        """Half of the interval's width, relative to the value; 0 for an exact figure."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else 0.0

    def percentile(self, percent: int) -> float | None:
        """The percentile, or None where n is too small to print it (see `PERCENTILE_MINIMUM`)."""
        if self.n < PERCENTILE_MINIMUM[percent]:
            return None
        pooled = sorted(value for process in self.samples for value in process)
        return pooled[min(len(pooled) - 1, math.ceil(percent / 100 * len(pooled)) - 1)]


def exact(value: float, unit: str, method: str) -> Estimate:
    """An estimate of something counted, not sampled."""
    return Estimate(
        value=value, unit=unit, low=value, high=value, confidence=1, n=1, method=method, exact=True, samples=[[value]]
    )


def sampled(samples: Sequence[Sequence[float]], unit: str, method: str) -> Estimate:
    """The median of samples from one or more processes, with a distribution-free interval.

    The interval is that of the median over all samples (order statistics), widened where need be to that of the
    process medians, since the variance between processes is the real one: with fewer than six processes their whole
    range, from six on their own order-statistics interval. Raises ``ValueError`` without samples.
    """
    pooled = sorted(value for process in samples for value in process)
    if not pooled:
        raise ValueError("an estimate needs at least one sample")
    low, high, confidence = median_interval(pooled)
    if len(samples) > 1:
        between_low, between_high, _ = median_interval(sorted(statistics.median(p) for p in samples if p))
        low, high = min(low, between_low), max(high, between_high)
    return Estimate(
        value=statistics.median(pooled),
        unit=unit,
        low=low,
        high=high,
        confidence=confidence,
        n=len(pooled),
        method=method,
        exact=False,
        samples=[list(process) for process in samples],
    )


def median_interval(ordered: Sequence[float]) -> tuple[float, float, float]:
    """(low, high, confidence) of the median of sorted samples, free of any assumption on their distribution.

    The narrowest symmetric pair of order statistics with at least 95 % coverage; below six samples no pair reaches
    it, and the whole range is returned with the coverage it has, 1 - 2**(1 - n).
    """
    rank, confidence = _rank(len(ordered))
    return ordered[rank], ordered[-1 - rank], confidence


@cache
def _rank(n: int) -> tuple[int, float]:
    """Index from either end, and coverage: P(x[k] < median < x[n-1-k]) = 1 - 2 P(Binomial(n, 1/2) <= k)."""
    best, best_confidence = 0, 1 - 2 * 0.5**n
    tail, term = 0.5**n, 0.5**n
    for k in range(1, n // 2):
        if term == 0:  # 2**-n underflows near n = 1075: the normal approximation is exact to a rank by then
            k = max(0, math.floor(n / 2 - 0.98 * math.sqrt(n)) - 1)
            return k, CONFIDENCE
        term *= (n - k + 1) / k
        tail += term
        if 1 - 2 * tail < CONFIDENCE:
            break
        best, best_confidence = k, 1 - 2 * tail
    return best, max(0.0, best_confidence)
