"""One figure against a number: by its logarithm, as it was counted, or as a share of the examples."""

from __future__ import annotations

import math

from scipy.special import stdtr

from reports.accuracy.seeds import Share, freedom, variance_of_mean
from reports.claims.outcome import Outcome, of_contrast
from reports.contrast import Contrast
from reports.format import percent


def outcome(value: Contrast, claimed: float, sign: int, margin: float, problem: str = "") -> Outcome:
    """The logarithm of a figure against a number above 0; ``sign`` is 0 where it is claimed to be about that."""
    reach, where = math.log1p(margin), math.log(claimed)
    if sign:
        return of_contrast(value, where, sign, reach, problem=problem)
    edge = where + math.copysign(reach, value.value - where)
    return of_contrast(value, edge, -1 if edge > where else 1, 0.0, problem=problem)


def exact_outcome(value: float, claimed: float, sign: int, margin: float) -> Outcome:
    """A counted figure against a number; either may be 0."""
    effect, least = distance(value, claimed, sign, margin)
    return Outcome(value, value, value, effect, least, None)


def distance(value: float, claimed: float, sign: int, margin: float) -> tuple[float, float]:
    """How far a figure is on the claimed side, and how far it must be, as logarithms."""
    if value > 0 and claimed > 0:
        above = math.log(value / claimed)
    else:
        above = 0.0 if value == claimed else math.copysign(math.inf, value - claimed)
    reach = math.log1p(margin)
    if sign and margin > 0:
        return sign * above, reach
    room = sign * above if sign else reach - abs(above)
    return (room if room >= 0 else -math.inf), 0.0  # without a margin to stay within, what is not as claimed refutes


def share_outcome(share: Share, claimed: float, sign: int, margin: float) -> Outcome:
    """A share of the examples against a number: the score test of one share (Wilson 1927), with the variance between
    seeds added to that of the examples, and a correction for continuity.

    No sample shows that a share is all or nothing, but one answer shows that it is not.
    """
    null, direction, least = (claimed, sign, margin) if sign else (*_edge(share.value, claimed, margin), 0.0)
    effect = direction * (share.value - null)
    if not 0 < null < 1:
        problem = "" if effect < 0 and effect <= -least else f"no sample can show {percent(null)}"
        return Outcome(share.value, share.low, share.high, effect, least, None, problem)
    within, between = null * (1 - null) / share.examples, variance_of_mean(share.by_seed)
    apart = max(0.0, abs(share.value - null) - 0.5 / share.examples)
    p = 2 * float(stdtr(freedom(between, within, share.seeds), -apart / math.sqrt(within + between)))
    return Outcome(share.value, share.low, share.high, effect, least, p)


def _edge(value: float, claimed: float, margin: float) -> tuple[float, int]:
    """The end of what still counts as about so much that a share is nearer to, and on which side of it that is.

    An end that no share lies beyond is no test: there the other one is.
    """
    low, high = claimed - margin, claimed + margin
    nearer_low = value < claimed if low > 0 and high < 1 else low > 0
    return (low, 1) if nearer_low else (high, -1)
