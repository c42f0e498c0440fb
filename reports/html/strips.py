"""The comparisons of a claim as strips beneath each other: a dot, its interval, and the claimed value across all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.claims.finding import Part
    from reports.claims.judgement import Judgement

_ROOM = 0.06
"""Share of the width that stays free at either end."""


@dataclass(frozen=True)
class Strip:
    """One comparison; places in percent of the width, None for what is not known or not drawn."""

    label: str
    shown: str
    verdict: str
    """What the comparison by itself leans to."""
    dot: float
    low: float | None
    high: float | None
    claimed: float | None


def strips(judgement: Judgement) -> list[Strip]:
    """All comparisons on one scale, a logarithmic one where every figure is positive.

    None where there is no figure, and where all say the same: the card does that in a line.
    """
    parts = [part for part in judgement.parts if math.isfinite(part.outcome.value)]
    if len(parts) > 1 and len({part.shown for part in parts}) == 1:
        return []
    claimed = _claimed(judgement)
    numbers = [number for part in parts for number in _numbers(part)]
    numbers += [claimed] if claimed is not None else []
    if not numbers:
        return []
    scale = _Scale(numbers)
    return [
        Strip(
            label=part.label,
            shown=part.shown,
            verdict=part.outcome.leaning or "inconclusive",
            dot=scale.place(part.outcome.value),
            low=_place(scale, part.outcome.low),
            high=_place(scale, part.outcome.high),
            claimed=_place(scale, claimed),
        )
        for part in parts
    ]


def _claimed(judgement: Judgement) -> float | None:
    """The claimed value, in the unit of the figures; None for kinds of test that have none, or more than one."""
    found = getattr(judgement.claim, "claimed", None)
    value = found[0] if isinstance(found, tuple) else found  # with its direction
    return float(value) if isinstance(value, (int, float)) else None


def _numbers(part: Part) -> list[float]:
    outcome = part.outcome
    known = (outcome.value, outcome.low, outcome.high)
    return [number for number in known if number is not None and math.isfinite(number)]


class _Scale:
    """From a figure to a place, 0 to 100."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._log = min(numbers) > 0
        ends = [self._along(min(numbers)), self._along(max(numbers))]
        self._low, self._width = ends[0], ends[1] - ends[0]

    def _along(self, number: float) -> float:
        if self._log:
            return math.log(number) if number > 0 else -math.inf
        return number

    def place(self, number: float) -> float:
        if self._width == 0:
            return 50.0
        share = (self._along(number) - self._low) / self._width
        return round(100 * (_ROOM + (1 - 2 * _ROOM) * min(1.0, max(0.0, share))), 1)


def _place(scale: _Scale, number: float | None) -> float | None:
    return scale.place(number) if number is not None and not math.isnan(number) else None
