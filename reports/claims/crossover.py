"""The length from which ours is ahead, and stays so up to the longest that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from reports.claims.claim import Margin
from reports.claims.compared import Compared, SidedClaim, cautions, compared, counted_as, differing, unsided
from reports.claims.crossing import Crossing, crossing
from reports.claims.evidence import Evidence
from reports.claims.figures import Measured
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.lines import lines, tokens_of
from reports.claims.outcome import Outcome, of_contrast
from reports.contrast import Contrast, contrast
from reports.format import between, percent
from reports.metrics import label


class CrossoverClaim(SidedClaim):
    """There is a length from which ours is ahead; with `by`, from that length on at the latest."""

    by: Annotated[int, Field(ge=1)] | None = None
    """Tokens from which ours is claimed to be ahead; without it any measured length will do."""
    ahead: Literal["less", "more"] = "less"
    """Whether less of the metric is ahead, as with a latency, or more."""
    margin: Margin = 0.05
    """Relative: how far ahead ours must be at the longest length, and with `by` at each from there on."""

    @property
    def sign(self) -> int:
        """What the logarithm of ours over theirs is multiplied with to be above 0 where ours is ahead."""
        return -1 if self.ahead == "less" else 1


def outcome(lead: Contrast, margin: float, found: Crossing, problem: str = "") -> Outcome:
    """A lead at one length that the claim speaks of; what is shown is the crossing."""
    said = of_contrast(lead, 0.0, 1, math.log1p(margin), problem=problem)
    return replace(said, value=math.nan if found.tokens is None else found.tokens, low=found.low, high=found.high)


def find(claim: CrossoverClaim, evidence: Evidence) -> Finding:
    """What the records say. A line of one length is a gap, unless the same two have a longer one elsewhere."""
    found, gaps = compared(claim, evidence)
    drawn = lines(found, lambda one: one.pair.ours, _who)
    where = differing([_who(line[0]) for line in drawn], [line[0].pair.ours.first.setting for line in drawn])
    parts: list[Part] = []
    used: list[Measured] = []
    short: dict[str, str] = {}
    crossed: set[str] = set()
    for every, name in zip(drawn, where, strict=True):
        line, left_out = _one_a_length(every)
        gaps += left_out
        if len(line) < 2:
            own = line[0].pair.ours
            short[_who(line[0])] = f"{own.name} has one length only ({own.size}): no crossing to find"
            continue
        parts += _parts(claim, line, name if len(drawn) > 1 else "")
        gaps += _beyond(claim.by, line)
        used += unsided(line)
        crossed.add(_who(line[0]))
    return combine(
        parts,
        [*gaps, *(why for who, why in short.items() if who not in crossed)],
        claimed=f"from {claim.by:,} tokens on at the latest" if claim.by else "from some length on",
        counted_as=counted_as(used),
        margin=percent(claim.margin),
        warnings=cautions(used, claim.metric),
    )


def _who(one: Compared) -> str:
    return f"{one.pair.ours.name} against {one.pair.theirs.name}"


def _tokens(one: Compared) -> int:
    return tokens_of(one.pair.ours)


def _one_a_length(line: Sequence[Compared]) -> tuple[list[Compared], list[str]]:
    """The first of each length, and the others as gaps: where two shapes have as many tokens, one of them is drawn."""
    kept: dict[int, Compared] = {}
    left_out = [one for one in line if kept.setdefault(_tokens(one), one) is not one]
    return list(kept.values()), [
        f"{_who(one)} at {one.pair.ours.size} is left out: {kept[_tokens(one)].pair.ours.size} has as many tokens"
        for one in left_out
    ]


def _beyond(by: int | None, line: Sequence[Compared]) -> list[str]:
    """A claimed length that no measured ones lie around is a gap."""
    shortest, longest = _tokens(line[0]), _tokens(line[-1])
    if by is None or shortest <= by <= longest:
        return []
    return [f"{by:,} tokens lie outside the lengths that were measured, {shortest:,} to {longest:,}"]


def _parts(claim: CrossoverClaim, line: Sequence[Compared], name: str) -> list[Part]:
    """A comparison at each length that the claim speaks of."""
    tokens = [_tokens(one) for one in line]
    point = crossing(tokens, [_signed(one.ratio, claim.sign) for one in line])
    shown = _shown(point, tokens, line[-1].ratio, label(claim.metric))
    problem = next((one.problem for one in line if one.problem), "")
    cells = tuple(cell.key for one in line for cell in one.cells)
    parts = []
    for size, lead, n in _asked(claim, line):
        where = ", ".join(filter(None, [name, size]))
        parts.append(Part(where, shown, outcome(lead, claim.margin, point, problem), cells, n))
    return parts


def _asked(claim: CrossoverClaim, line: Sequence[Compared]) -> list[tuple[str, Contrast, int]]:
    """The lengths that the claim speaks of, each with the lead there and its samples: the longest, and with `by` all
    from there on and that length itself."""
    if claim.by is None:
        return [(line[-1].pair.ours.size, _signed(line[-1].ratio, claim.sign), sum(one.n for one in line))]
    asked = [(one.pair.ours.size, _signed(one.ratio, claim.sign), one.n) for one in line if _tokens(one) >= claim.by]
    around = next((pair for pair in pairwise(line) if _tokens(pair[0]) < claim.by < _tokens(pair[1])), None)
    return asked if around is None else [(f"{claim.by:,} tokens", _within(around, claim), 0), *asked]


def _signed(ratio: Contrast, sign: int) -> Contrast:
    if sign > 0 or ratio.low is None or ratio.high is None:
        return replace(ratio, value=sign * ratio.value)
    return replace(ratio, value=-ratio.value, low=-ratio.high, high=-ratio.low)


def _within(neighbours: Sequence[Compared], claim: CrossoverClaim) -> Contrast:
    """The lead at the claimed length, on the straight line between its neighbours in log-log space."""
    first, second = neighbours
    a, b = math.log(_tokens(first)), math.log(_tokens(second))
    share = (math.log(claim.by or 0) - a) / (b - a)
    terms = [side.term for one in neighbours for side in (one.ours, one.theirs) if side.term]
    weights = [claim.sign * weight for weight in (1 - share, share - 1, share, -share)]
    return contrast(weights, terms)


def _shown(point: Crossing, tokens: Sequence[int], longest: Contrast, what: str) -> str:
    if point.tokens is None:
        low, high = (None if end is None else math.exp(end) for end in (longest.low, longest.high))
        return f"not up to {tokens[-1]:,} tokens: there {between(math.exp(longest.value), low, high)} of the {what}"
    if point.tokens == tokens[0] and point.low is None:
        return f"ahead from the shortest length on, {tokens[0]:,} tokens"
    if point.low is not None and point.high is not None:
        around = f" ({point.low:,.0f}–{point.high:,.0f})"
    else:
        around = (
            f" (at most {point.high:,.0f})" if point.high else f" (at least {point.low:,.0f})" if point.low else " (?)"
        )
    return f"ahead from {point.tokens:,.0f} tokens on{around}"


KIND = Kind(CrossoverClaim, find)
