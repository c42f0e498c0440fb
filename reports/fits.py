"""The sequence-length exponent: how steeply a figure grows with tokens, as a slope in log-log space.

The slope over a part of the sweep is a description of that part, not a law: attention's cost is a linear and a
quadratic term, and its slope still rises where it is fitted. So only the long half of a sweep is used, where fixed
costs matter least, and the local slopes between neighbouring lengths are given with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy

from reports.contrast import Contrast, LogMedian, Noise, contrast, log_median
from suites.estimate import Estimate


@dataclass(frozen=True)
class Exponent:
    """The slope of log(figure) over log(tokens)."""

    slope: float
    """Least-squares slope: 1 linear, 2 quadratic."""
    low: float | None
    """Lower end of the 95 % interval of the slope that noise-free figures at the same lengths would give; the slope
    itself for exact figures, None where nothing is known of the noise."""
    high: float | None
    """Upper end of that interval."""
    local_low: float
    """Least slope between neighbouring lengths of the fitted part. Far from `local_high`: not a power law there."""
    local_high: float
    """Greatest slope between neighbouring lengths of the fitted part."""
    tokens_low: int
    """Shortest length of the fitted part."""
    tokens_high: int
    """Longest length of the fitted part."""
    lengths: int
    """Number of lengths in the fitted part."""
    noise: Noise
    """What the interval was made from."""
    line: Contrast
    """The slope as a contrast, for tests of it."""


def fit_exponent(tokens: Sequence[int], estimates: Sequence[Estimate]) -> Exponent | None:
    """Fit the long half of a sweep: of k lengths the longest k/2, rounded up, and at least two.

    Ordinary least squares, so each length counts alike and the answer does not depend on the noise; the interval comes
    from the samples (see ``reports.contrast``), not from the distance to the line, which is curvature as much as noise.
    Figures that are not positive are left out. None with fewer than two lengths.
    """
    found = [(length, log_median(estimate)) for length, estimate in zip(tokens, estimates, strict=True)]
    return fit_medians([(length, median) for length, median in found if median is not None])


def fit_medians(points: Sequence[tuple[int, LogMedian]]) -> Exponent | None:
    """The same from (tokens, logarithm of the figure)."""
    lengths = sorted({length for length, _ in points})
    if len(lengths) < 2:
        return None
    fitted = lengths[-max(2, math.ceil(len(lengths) / 2)) :]
    kept = [(length, median) for length, median in points if length >= fitted[0]]
    line = contrast(slope_coefficients([length for length, _ in kept]), [median for _, median in kept])
    local = _local_slopes(kept, fitted)
    return Exponent(
        line.value, line.low, line.high, min(local), max(local), fitted[0], fitted[-1], len(fitted), line.noise, line
    )


def slope_coefficients(tokens: Sequence[int]) -> list[float]:
    """The c_i with which the least-squares slope over log(tokens) is the sum of c_i * log(figure_i)."""
    x = numpy.log(numpy.asarray(tokens, dtype=float))
    centred = x - x.mean()
    return [float(c) for c in centred / (centred @ centred)]


def _local_slopes(points: Sequence[tuple[int, LogMedian]], lengths: Sequence[int]) -> list[float]:
    """Slopes between neighbours; shapes of equal length (224x224 and 112x448) are averaged first."""
    level = {length: float(numpy.mean([m.value for at, m in points if at == length])) for length in lengths}
    return [(level[b] - level[a]) / math.log(b / a) for a, b in pairwise(lengths)]
