"""One comparison of a claim, as plain numbers: how far it is from the claimed value, and how likely that is chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reports.contrast import Contrast
from suites.estimate import CONFIDENCE

LEVEL = 1 - CONFIDENCE
"""A verdict needs a p below this."""

Leaning = Literal["supported", "refuted"]


@dataclass(frozen=True)
class Outcome:
    """What one comparison says."""

    value: float
    """What was measured, as people read it."""
    low: float | None
    """Lower end of its 95 % interval; None where nothing is known of the noise."""
    high: float | None
    """Upper end of that interval; both equal the value for exact figures."""
    effect: float
    """Distance from the claimed value, above 0 on the claimed side."""
    margin: float
    """Least distance that matters, in the effect's unit."""
    p: float | None
    """Two-sided, of an effect of 0; None for exact figures, and where a problem leaves the noise unknown."""
    problem: str = ""
    """Why the noise is unknown, so that nothing can be decided."""

    @property
    def leaning(self) -> Leaning | None:
        """The verdict that the effect asks for, whatever its noise; None within the margin."""
        if self.effect >= self.margin:
            return "supported"
        return "refuted" if self.effect <= -self.margin else None


def of_contrast(
    found: Contrast,
    claimed: float,
    sign: int,
    margin: float,
    shown: Callable[[float], float] = math.exp,
    problem: str = "",
) -> Outcome:
    """A contrast against a ``claimed`` value in its own unit; ``sign`` is 1 where more is as claimed, -1 where less is.

    ``shown`` turns values of the contrast into what people read: out of the logarithm where it is one of two figures.
    """
    effect = sign * (found.value - claimed)
    if found.low is None or found.high is None:
        unknown = problem or "too few samples to know the noise"
        return Outcome(shown(found.value), None, None, effect, margin, None, unknown)
    low, high = shown(found.low), shown(found.high)
    return Outcome(shown(found.value), low, high, effect, margin, None if problem else found.p(claimed), problem)
