"""An estimate: one figure with unit, interval, sample count, method and the raw samples it was made from.

Sources: Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2 (interval of a quantile from order
statistics); Wilson 1927, "Probable inference", JASA 22 (interval of a share); MLPerf LoadGen's early-stopping
derivation (samples needed before a percentile may be printed).
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
    """The figure: the median over processes of each one's median sample, the exact count, or the share."""
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
    share: bool = False
    """Whether it is a share of trials, such as an accuracy: `samples` then holds one list, successes and trials."""
    samples: list[list[float]]
    """Raw samples, one list a process, in order of time."""

    @model_validator(mode="after")
    def _follows_from_samples(self) -> Self:
        if not self.samples or not all(self.samples):
            raise ValueError("an estimate needs at least one sample from each process")
        told = (self.value, self.low, self.high, self.confidence, self.n)
        if told != _statistics(self.samples, self.exact, self.share):
            raise ValueError("value, interval or n do not follow from the samples")
        return self

    @property
    def half_width(self) -> float:
        """Half of the interval's width, relative to the value; 0 for an exact figure."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else 0.0

    def percentile(self, percent: int) -> float | None:
        """The percentile, or None for a share, and where n is too small to print it (see `PERCENTILE_MINIMUM`)."""
        if self.share or self.n < PERCENTILE_MINIMUM[percent]:
            return None
        pooled = sorted(value for process in self.samples for value in process)
        return pooled[min(len(pooled) - 1, math.ceil(percent / 100 * len(pooled)) - 1)]


def exact(value: float, unit: str, method: str) -> Estimate:
    """An estimate of something counted, not sampled."""
    return _estimate([[value]], unit, method, exact=True)


def share(successes: float, trials: int, unit: str, method: str) -> Estimate:
    """A share of independent trials with Wilson's interval, which stays inside [0, 1] at either end.

    `successes` need not be whole: an example may be right in part. The interval speaks of the sample alone: what
    another seed of the training would give is a second spread.
    """
    return _estimate([[float(successes), float(trials)]], unit, method, exact=False, share=True)


def sampled(samples: Sequence[Sequence[float]], unit: str, method: str) -> Estimate:
    """The median over processes of each one's median, with a distribution-free interval.

    Processes weigh alike, however many samples each took. The interval is that of the process medians (order
    statistics: their whole range below nine processes), since the variance between processes is the real one, widened
    where need be to that of all samples. Its coverage is the lesser of the two: 0.75 with three processes, 0.97 with
    six. With one process it speaks of that process alone. Raises ``ValueError`` where a process has no samples.
    """
    return _estimate(samples, unit, method, exact=False)


def _estimate(
    samples: Sequence[Sequence[float]], unit: str, method: str, *, exact: bool, share: bool = False
) -> Estimate:
    if not samples or not all(samples):
        raise ValueError("an estimate needs at least one sample from each process")
    value, low, high, confidence, n = _statistics(samples, exact, share)
    kept = [list(process) for process in samples]
    return Estimate(
        value=value,
        unit=unit,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method=method,
        exact=exact,
        share=share,
        samples=kept,
    )


def _statistics(samples: Sequence[Sequence[float]], exact: bool, share: bool) -> tuple[float, float, float, float, int]:
    """Value, low, high, confidence and n: all that an estimate says of its samples."""
    if share:
        return _share_statistics(samples)
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


def _share_statistics(samples: Sequence[Sequence[float]]) -> tuple[float, float, float, float, int]:
    if len(samples) != 1 or len(samples[0]) != 2 or not 0 <= samples[0][0] <= samples[0][1] or not samples[0][1]:
        raise ValueError("a share needs one list of successes and trials, at least one trial")
    successes, trials = samples[0]
    low, high = wilson_interval(successes, trials)
    return successes / trials, low, high, CONFIDENCE, int(trials)


def wilson_interval(successes: float, trials: float) -> tuple[float, float]:
    """(low, high) of a share at 95 % confidence (Wilson 1927, without continuity correction)."""
    z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = successes + z * z / 2
    reach = z * math.sqrt(successes * (trials - successes) / trials + z * z / 4)
    low, high = (centre - reach) / (trials + z * z), (centre + reach) / (trials + z * z)
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)


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
