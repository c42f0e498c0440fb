"""The length from which one figure stays below another, between measured lengths, with an interval from the noise.

Both figures are drawn as straight lines between measured lengths in log-log space, and so is their ratio, which at each
length is a sum of the logarithms at both neighbours and has an interval of its own. Lengths at which that holds 0 may
be the crossing: so a crossing's interval reaches from where the one is surely behind for the last time to where it is
surely ahead from there on (Fieller's argument, piece by piece).

Source: E. C. Fieller, Some problems in interval estimation, J. Royal Statistical Society B 16 (1954).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy
from scipy.special import stdtrit

from reports.contrast import Contrast
from suites.estimate import CONFIDENCE

_STEPS = 512
"""Points between two measured lengths that the interval is looked for at."""


@dataclass(frozen=True)
class Crossing:
    """From which length on the one is ahead."""

    tokens: float | None
    """None where it is behind at the longest length; the shortest length where it is ahead throughout."""
    low: float | None
    """The last length at which it is surely behind; None where it is nowhere surely behind."""
    high: float | None
    """The first length from which it is surely ahead; None where it is not at the longest."""


def crossing(tokens: Sequence[int], lead: Sequence[Contrast]) -> Crossing:
    """Where a lead begins to be above 0 for good: ``lead`` is a logarithm a length, above 0 where the one is ahead.

    Lengths ascend, at least one.
    """
    x, values = numpy.log(numpy.asarray(tokens, dtype=float)), [one.value for one in lead]
    found = None
    if values[-1] > 0:
        behind = max((i for i, value in enumerate(values) if value <= 0), default=None)
        found = tokens[0] if behind is None else _root(x, values, behind)
    at, middle, reach = _band(x, lead)
    surely_behind = numpy.flatnonzero(middle + reach < 0)
    not_ahead = numpy.flatnonzero(middle - reach <= 0)
    low = math.exp(at[surely_behind[-1]]) if len(surely_behind) else None
    first = int(not_ahead[-1]) + 1 if len(not_ahead) else 0
    return Crossing(found, low, math.exp(at[first]) if first < len(at) else None)


def _root(x: numpy.ndarray, values: Sequence[float], before: int) -> float:
    share = -values[before] / (values[before + 1] - values[before])
    return math.exp(x[before] + share * (x[before + 1] - x[before]))


def _band(x: numpy.ndarray, lead: Sequence[Contrast]) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Points between the lengths, the lead at them, and half of its interval; between two lengths with the wider
    t-quantile of both."""
    quantiles = [float(stdtrit(one.freedom, (1 + CONFIDENCE) / 2)) for one in lead]
    parts = [(x[:1], numpy.array([lead[0].value]), numpy.array([quantiles[0] * lead[0].error]))]
    share = numpy.arange(1, _STEPS + 1) / _STEPS
    for (i, one), (j, other) in pairwise(enumerate(lead)):
        error = numpy.hypot((1 - share) * one.error, share * other.error)
        middle = (1 - share) * one.value + share * other.value
        parts.append((x[i] + share * (x[j] - x[i]), middle, max(quantiles[i], quantiles[j]) * error))
    at, middle, reach = (numpy.concatenate(columns) for columns in zip(*parts, strict=True))
    return at, middle, reach
