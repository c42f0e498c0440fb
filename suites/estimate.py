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

from pydantic import Field, model_validator
from typing_extensions import Self

from suites.schema import Strict

CONFIDENCE = 0.95

PERCENTILE_MINIMUM = {90: 64, 95: 130, 99: 662}
"""Samples needed before a percentile is printed: the fewest of which at most one lies above the true percentile with a
probability of at most 1 %, so that the second largest bounds it at 99 % confidence (MLPerf LoadGen, early stopping)."""


class Estimate(Strict):
    """A metric's value. Every statistic here can be computed again from `samples`."""

    value: float
    """The figure: the median over processes of each one's median sample, or the exact count."""
    unit: str
    """Unit of value, interval and samples."""
    low: float
    """Lower end of the interval; equals `value` for an exact figure."""
    high: float
    """Upper end of the interval; equals `value` for an exact figure."""
    confidence: Annotated[float, Field(ge=0, le=1)]
    """Coverage that the interval reaches, over samples and over processes; 1 for an exact figure, below 0.95 where
    samples or processes are fewer than six."""
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

    @model_validator(mode="after")
    def _follows_from_samples(self) -> Self:
        if not self.samples or not all(self.samples):
            raise ValueError("an estimate needs at least one sample from each process")
        told = (self.value, self.low, self.high, self.confidence, self.n)
        if told != _statistics(self.samples, self.exact):
            raise ValueError("value, interval or n do not follow from the samples")
        return self

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
    return _estimate([[value]], unit, method, exact=True)


def sampled(samples: Sequence[Sequence[float]], unit: str, method: str) -> Estimate:
    """The median over processes of each one's median, with a distribution-free interval.

    Processes weigh alike, however many samples each took. The interval is that of the process medians (order
    statistics: their whole range below nine processes), since the variance between processes is the real one, widened
    where need be to that of all samples. Its coverage is the lesser of the two: 0.75 with three processes, 0.97 with
    six. With one process it speaks of that process alone. Raises ``ValueError`` where a process has no samples.
    """
    return _estimate(samples, unit, method, exact=False)


def _estimate(samples: Sequence[Sequence[float]], unit: str, method: str, *, exact: bool) -> Estimate:
    if not samples or not all(samples):
        raise ValueError("an estimate needs at least one sample from each process")
    value, low, high, confidence, n = _statistics(samples, exact)
    kept = [list(process) for process in samples]
    return Estimate(
        value=value, unit=unit, low=low, high=high, confidence=confidence, n=n, method=method, exact=exact, samples=kept
    )


def _statistics(samples: Sequence[Sequence[float]], exact: bool) -> tuple[float, float, float, float, int]:
    """Value, low, high, confidence and n: all that an estimate says of its samples."""
    pooled = sorted(value for process in samples for value in process)
    if exact:
        return pooled[0], pooled[0], pooled[0], 1.0, len(pooled)
    medians = sorted(statistics.median(process) for process in samples)
    low, high, confidence = median_interval(pooled)
    if len(medians) > 1:
        between_low, between_high, between_confidence = median_interval(medians)
        low, high = min(low, between_low), max(high, between_high)
        confidence = min(confidence, between_confidence)
    return statistics.median(medians), low, high, confidence, len(pooled)


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
