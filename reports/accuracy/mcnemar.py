"""Which of two models is more accurate, from what both answered to the same test examples.

Only examples on which they differ say anything. With one seed this is McNemar's test: exact (binomial) for up to 1,000
discordant examples, and from there on chi-square with Edwards' continuity correction, which by then agrees with it.

With several seeds, a model's seed is paired with the other's equal seed. The discordant counts may be summed for show,
but not for a test: all seeds answer the same examples, and one that is hard for a model counts once for every seed.
On simulated models without any difference the summed counts find one in 13 to 30 % of the runs. So an example is a
cluster of its seeds' differences, with variance as in the clustered McNemar test (Durkalski), and the variance between
seeds is added (S - 1 degrees of freedom, Satterthwaite), since another training is what a reader will run. Where all
seeds answer alike it is the corrected McNemar test of one seed.

Where each place of a sequence has a label, a sequence counts by its share of right places, and is a cluster of them:
places are not independent, and of sequences that are right as a whole two models far apart may both have none.

Sources: Q. McNemar, Psychometrika 12 (1947); A. L. Edwards, Psychometrika 13 (1948); V. L. Durkalski et al., Analysis
of clustered matched-pair data, Statistics in Medicine 22 (2003); D. G. Bonett and R. M. Price, Adjusted Wald confidence
interval for a difference of binomial proportions based on paired data, J. Educational and Behavioral Statistics 37
(2012); S. Holm, Scandinavian J. Statistics 6 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy
from scipy.special import stdtr
from scipy.stats import binom, chi2, t

from baselines.errors import UsageError
from reports.accuracy.seeds import freedom, variance_of_mean
from suites.estimate import CONFIDENCE
from suites.predictions import Array, Predictions

Test = Literal["none", "exact", "chi-square", "clustered"]
"""How p was found; none where the two never differ."""

EXACT_UP_TO = 1000
"""Discordant examples of one seed up to which the test is exact."""


@dataclass(frozen=True)
class Adjusted:
    """A difference of accuracies drawn slightly to 0, which is what its interval is centred on."""

    centre: float
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of the standard error."""


@dataclass(frozen=True)
class Paired:
    """One model against another on the same examples, over the seeds that both have."""

    difference: float
    """Accuracy of the first less that of the second, -1 to 1; the mean over seeds."""
    low: float
    """Lower end of the 95 % interval of the difference, for this comparison alone."""
    high: float
    """Upper end of that interval."""
    p: float
    """Two-sided, of no difference, for this comparison alone."""
    first_only: int
    """Examples that only the first gets right, or more of their places, summed over seeds."""
    second_only: int
    """Examples that only the second gets right, or more of their places, summed over seeds."""
    examples: int
    by_seed: tuple[float, ...]
    """The difference of each seed."""
    test: Test
    adjusted: Adjusted
    """What the interval was made from."""

    def p_against(self, null: float) -> float:
        """Two-sided, of the difference being ``null``: the same 95 % interval, turned round. For no difference there
        is `p`, which is exact."""
        return 2 * float(stdtr(self.adjusted.freedom, -abs(self.adjusted.centre - null) / self.adjusted.error))

    @property
    def reversed(self) -> Paired:
        """The second against the first."""
        by_seed = tuple(-difference for difference in self.by_seed)
        return replace(
            self,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            first_only=self.second_only,
            second_only=self.first_only,
            by_seed=by_seed,
            adjusted=replace(self.adjusted, centre=-self.adjusted.centre),
        )


def compare(first: Sequence[Predictions], second: Sequence[Predictions]) -> Paired:
    """Two models' answers, one ``Predictions`` a seed, equal seeds at equal places.

    Raises ``UsageError`` where they answered different examples, ``ValueError`` without seeds or with unequal numbers.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} seeds can't be paired")
    for other in (*first, *second):
        _check_same_examples(first[0], other)
    differences = numpy.stack([a.by_example - b.by_example for a, b in zip(first, second, strict=True)])  # (S, N)
    by_seed = tuple(float(mean) for mean in differences.mean(axis=1))
    by_example = differences.mean(axis=0)
    between = variance_of_mean(by_seed)
    p, test = _p_value(differences, by_example, between)
    adjusted = _adjusted(by_example, between, len(by_seed))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, adjusted.freedom)) * adjusted.error
    low, high = max(-1.0, adjusted.centre - reach), min(1.0, adjusted.centre + reach)
    first_only, second_only = int((differences > 0).sum()), int((differences < 0).sum())
    value = float(differences.mean())
    low, high = min(low, value), max(high, value)
    return Paired(value, low, high, p, first_only, second_only, len(by_example), by_seed, test, adjusted)


def mcnemar(first_only: int, second_only: int) -> tuple[float, Test]:
    """The two-sided p of McNemar's test for one pair of models, and how it was found; 1 where they never differ."""
    discordant = first_only + second_only
    if discordant == 0:
        return 1.0, "none"
    if discordant <= EXACT_UP_TO:
        return min(1.0, 2 * float(binom.cdf(min(first_only, second_only), discordant, 0.5))), "exact"
    surplus = max(0, abs(first_only - second_only) - 1)
    return float(chi2.sf(surplus**2 / discordant, 1)), "chi-square"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment: with these the chance of any false finding among all of them is at most the level."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _check_same_examples(one: Predictions, other: Predictions) -> None:
    if not (numpy.array_equal(one.example, other.example) and numpy.array_equal(one.labels, other.labels)):
        raise UsageError("the two answered different test examples: only models that saw the same data can be compared")


def _p_value(differences: Array, by_example: Array, between: float) -> tuple[float, Test]:
    seeds = len(differences)
    if not differences.any():
        return 1.0, "none"
    if seeds == 1 and bool((differences == differences.round()).all()):
        return mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    n = len(by_example)
    within = float((by_example**2).sum()) / n**2  # around 0, as the hypothesis says
    if within + between == 0:  # every example evens out over the seeds, and no seed differs from another
        return 1.0, "clustered"
    surplus = max(0.0, abs(float(by_example.sum())) - 1) / n
    return 2 * float(t.sf(surplus / math.sqrt(within + between), freedom(between, within, seeds))), "clustered"


def _adjusted(by_example: Array, between: float, seeds: int) -> Adjusted:
    """Bonett and Price's: two examples more, one for either side; the variance between seeds is added."""
    n = len(by_example) + 2
    centre = float(by_example.sum()) / n
    within = (float((by_example**2).sum() + 2) / n - centre**2) / n
    return Adjusted(centre, math.sqrt(within + between), freedom(between, within, seeds))
