"""The length from which ours is ahead, and stays so up to the longest that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from reports.claims.claim import Margin
from reports.claims.compared import Compared, SidedClaim, cautions, compared, counted_as, differing, unsided
from reports.claims.crossing import Crossing, crossing
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome, of_contrast
from reports.claims.select import placer
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
    """What the records say. A line of one length has no part in it, unless there is no other."""
    found, gaps = compared(claim, evidence)
    lines = _lines(found)
    names = [f"{line[0].pair.ours.name} against {line[0].pair.theirs.name}" for line in lines]
    where = differing(names, [line[0].pair.ours.first.setting for line in lines])
    parts: list[Part] = []
    short: list[str] = []
    for line, name in zip(lines, where, strict=True):
        if len(line) < 2:
            short.append(
                f"{line[0].pair.ours.name} has one length only ({line[0].pair.ours.size}): no crossing to find"
            )
            continue
        made, missing = _parts(claim, line, name if len(lines) > 1 else "")
        parts += made
        gaps += missing
    used = unsided(found)
    return combine(
        parts,
        gaps if gaps or parts else short,
        claimed=f"from {claim.by:,} tokens on at the latest" if claim.by else "from some length on",
        counted_as=counted_as(used),
        margin=percent(claim.margin),
        warnings=cautions(used, claim.metric),
    )


def _lines(found: Sequence[Compared]) -> list[list[Compared]]:
    """Comparisons that differ in length alone, the shortest first; one a length."""
    place = placer({"tokens", "model"})
    lines: dict[tuple[object, ...], dict[int, Compared]] = {}
    for one in found:
        key = (one.pair.ours.name, one.pair.theirs.name, *place(one.pair.ours))
        lines.setdefault(key, {}).setdefault(_tokens(one), one)
    return [[line[tokens] for tokens in sorted(line)] for line in lines.values()]


def _tokens(one: Compared) -> int:
    return one.pair.ours.first.cell.workload.tokens


def _parts(claim: CrossoverClaim, line: Sequence[Compared], name: str) -> tuple[list[Part], list[str]]:
    """The lengths that the claim speaks of: the longest, and with `by` all from there on and that length itself."""
    tokens = [_tokens(one) for one in line]
    leads = [_signed(one.ratio, claim.sign) for one in line]
    point = crossing(tokens, leads)
    shown = _shown(point, tokens, line[-1].ratio, label(claim.metric))
    problem = next((one.problem for one in line if one.problem), "")
    asked: dict[str, tuple[Contrast, Sequence[Compared]]] = {line[-1].pair.ours.size: (leads[-1], line)}
    gaps = []
    if claim.by is not None:
        asked = {
            one.pair.ours.size: (lead, [one]) for one, lead in zip(line, leads, strict=True) if _tokens(one) >= claim.by
        }
        if not tokens[0] <= claim.by <= tokens[-1]:
            gaps = [f"{claim.by:,} tokens lie outside the lengths that were measured, {tokens[0]:,} to {tokens[-1]:,}"]
        elif claim.by not in tokens:
            after = next(i for i, length in enumerate(tokens) if length > claim.by)
            asked = {f"{claim.by:,} tokens": (_within(line[after - 1 : after + 1], claim), []), **asked}
    parts = []
    for size, (lead, rests_on) in asked.items():
        said = outcome(lead, claim.margin, point, problem)
        cells = tuple(cell.key for one in line for cell in one.cells)
        where = ", ".join(filter(None, [name, size]))
        parts.append(Part(where, shown, said, cells, sum(one.n for one in rests_on)))
    return parts, gaps


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
