"""Where one line of a scaling plot crosses that of its reference, as far as the intervals of their ratio say so.

A crossing lies between two lengths at which the ratio excludes 1, on either side of it; at lengths between these two
the lines can't be told apart. Between neighbouring lengths the logarithm of the ratio is taken as linear in that of
the length, as the plot draws it. The range of a crossing is where the ends of the ratio's interval pass 1 themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from reports.answers import Answer
from reports.ratios import Ratio, ratio

Point: TypeAlias = tuple[float, float]
"""(tokens, ratio)."""


@dataclass(frozen=True)
class Crossing:
    """A length where the lines cross."""

    tokens: float
    low: float
    """Shortest length at which they may cross."""
    high: float
    """Longest length at which they may cross."""
    below: bool
    """Whether the line lies below its reference beyond this length."""


@dataclass(frozen=True)
class AgainstReference:
    """A line against its reference."""

    crossings: list[Crossing]
    level: list[int]
    """Lengths at which the ratio's interval holds 1."""
    apart: list[int]
    """Lengths at which it excludes 1."""


def compare_lines(line: Sequence[tuple[int, Ratio]]) -> AgainstReference:
    """Ratios to the reference by length; those of unknown noise are left out."""
    known = sorted(((tokens, found) for tokens, found in line if found.low is not None), key=lambda point: point[0])
    apart = [(tokens, found) for tokens, found in known if found.differs]
    crossings = [
        _between([point for point in known if left[0] <= point[0] <= right[0]])
        for left, right in pairwise(apart)
        if (left[1].value < 1) != (right[1].value < 1)
    ]
    level = [tokens for tokens, found in known if not found.differs]
    return AgainstReference(crossings, level, [tokens for tokens, _ in apart])


def _between(part: Sequence[tuple[int, Ratio]]) -> Crossing:
    """The crossing inside a part of a line whose ends lie on either side of 1."""
    middle = _passes([(tokens, found.value) for tokens, found in part])
    ends = [
        passed
        for bound in ("low", "high")
        for passed in _passes([(tokens, getattr(found, bound)) for tokens, found in part])
    ]
    centre = math.exp(sum(map(math.log, middle)) / len(middle))
    return Crossing(centre, min(*ends, centre), max(*ends, centre), part[-1][1].value < 1)


def _passes(points: Sequence[Point]) -> list[float]:
    """Every length at which the line through ``points`` passes 1."""
    return [
        left * (right / left) ** (math.log(a) / math.log(a / b))
        for (left, a), (right, b) in pairwise(points)
        if (a < 1) != (b < 1)
    ]


def ratio_to(answer: Answer, reference: Answer, metric: str) -> Ratio | None:
    """A figure over the reference's. Timings must share a block; what is exact is the same wherever it was counted."""
    own, other = answer.comparable.get(metric), reference.comparable.get(metric)
    if own and other and own.exact and other.exact:
        if own.value <= 0 or other.value <= 0:
            return None
        quotient = own.value / other.value
        return Ratio(quotient, quotient, quotient, "exact")
    return ratio(answer, reference, metric)
