"""An accuracy over several seeds, with one interval for both of its causes of chance: the training and the examples.

All seeds answer the same test examples, so their answers are no independent trials, and pooling them would be too
sure. The variance of the mean is the sum of two parts. The seeds' is the variance of their accuracies over their
number, on S - 1 degrees of freedom. The examples' is taken as that of one seed, p (1 - p) / N, which is its upper
bound, reached where all seeds err on the same examples. So the interval errs on the wide side: on simulated
answers it held the truth 95 % of the time with one seed or with seeds that differ much, and up to 99.8 % with three to
five seeds that each err on other examples.

The two are joined by an effective number of examples, n = p (1 - p) / (sum of both), which goes into Wilson's interval
with a t-quantile in place of the normal one (degrees of freedom by Satterthwaite). It stays inside [0, 1], and with one
seed it is Wilson's own, which says nothing of what another seed would give.

Sources: A. B. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007), the variance of a mean over
crossed rows and columns; C. Franco, R. Little, T. Louis and E. Slud, Comparative study of confidence intervals for
proportions in complex sample surveys, J. Survey Statistics and Methodology 7 (2019), Wilson's interval with an
effective sample size; F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t

from suites.estimate import CONFIDENCE, Estimate


@dataclass(frozen=True)
class Share:
    """A share of right answers, as the mean over seeds."""

    value: float
    """0 to 1."""
    low: float
    """Lower end of the 95 % interval over seeds and examples; over examples alone where there is one seed."""
    high: float
    """Upper end of that interval."""
    seeds: int
    examples: int
    """Test examples, the same for every seed."""
    by_seed: tuple[float, ...]
    """The share of each seed."""


def over_seeds(estimates: Sequence[Estimate]) -> Share:
    """The mean of one share a seed. Raises ``ValueError`` without any."""
    if not estimates:
        raise ValueError("no share to take a mean of")
    values = [estimate.value for estimate in estimates]
    mean, examples = statistics.fmean(values), min(estimate.n for estimate in estimates)
    between = variance_of_mean(values)
    low, high = _interval(mean, examples, between, freedom(between, mean * (1 - mean) / examples, len(values)))
    return Share(mean, low, high, len(values), examples, tuple(values))


def variance_of_mean(values: Sequence[float]) -> float:
    """The squared standard error of the mean over seeds; 0 with one seed, which shows no spread."""
    return statistics.variance(values) / len(values) if len(values) > 1 else 0.0


def freedom(between: float, within: float, seeds: int) -> float:
    """Satterthwaite's degrees of freedom of the sum of a variance ``between`` seeds and a known one ``within``."""
    return (between + within) ** 2 * (seeds - 1) / between**2 if between > 0 else math.inf


def _interval(share: float, examples: int, between: float, degrees: float) -> tuple[float, float]:
    """Wilson's interval of ``share`` on the effective number of examples."""
    spread = share * (1 - share)
    n = spread / (spread / examples + between) if spread > 0 else examples
    quantile = float(t.ppf((1 + CONFIDENCE) / 2, degrees))
    centre = share + quantile**2 / (2 * n)
    reach = quantile * math.sqrt(spread / n + quantile**2 / (4 * n * n))
    scale = 1 + quantile**2 / n
    return max(0.0, min(share, (centre - reach) / scale)), min(1.0, max(share, (centre + reach) / scale))
