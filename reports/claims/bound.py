"""A figure against a number: params, seconds, bytes or accuracy at least, at most, or about so much."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pydantic import model_validator
from scipy.special import stdtr
from typing_extensions import Self

from reports.claims.claim import Margin, MeasuredClaim
from reports.claims.compared import cautions, counted_as, differing
from reports.claims.evidence import Evidence
from reports.claims.figures import ONE_SEED, entry_gaps, measured, raised, usable, usable_in
from reports.claims.finding import Finding, Part, combine, told_by_records
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome, of_contrast
from reports.claims.select import Entry
from reports.contrast import Contrast, contrast
from reports.format import figure, percent
from reports.format import share as share_in_words
from reports.seeds import Share, freedom, over_seeds, variance_of_mean

_ABOUT, _ABOUT_SHARE = 0.05, 0.02


class BoundClaim(MeasuredClaim):
    """Exactly one of `at_most`, `at_least` and `about`, in the figure's own unit: seconds, bytes, a share of 1."""

    at_most: float | None = None
    """The figure is at most this."""
    at_least: float | None = None
    """The figure is at least this."""
    about: float | None = None
    """The figure is this, give or take the margin."""
    margin: Margin | None = None
    """Least distance that matters; for shares such as an accuracy it is a share of the examples, else relative. 0 where
    nothing is said; with `about` half the width of what still counts as that: 0.05, and 0.02 for shares."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(bound is not None for bound in (self.at_most, self.at_least, self.about)) != 1:
            raise ValueError("give exactly one of at_most, at_least and about")
        if self.about is not None and self.margin == 0:
            raise ValueError("nothing measured is exactly so much: give 'about' a margin above 0, or leave it away")
        return self

    @property
    def claimed(self) -> float:
        """The number."""
        return next(bound for bound in (self.about, self.at_most, self.at_least) if bound is not None)

    @property
    def sign(self) -> int:
        """1 for a lower bound, -1 for an upper one, 0 for about."""
        return 0 if self.about is not None else -1 if self.at_most is not None else 1

    def in_words(self, shown: Callable[[float], str]) -> str:
        """`at most 33 ms`, with the number as ``shown`` makes it."""
        return f"{('about', 'at least', 'at most')[self.sign]} {shown(self.claimed)}"


def outcome(value: Contrast, claimed: float, sign: int, margin: float, problem: str = "") -> Outcome:
    """The logarithm of a figure against a number above 0; ``sign`` is 0 where it is claimed to be about that."""
    reach, where = math.log1p(margin), math.log(claimed)
    if sign:
        return of_contrast(value, where, sign, reach, problem=problem)
    edge = where + math.copysign(reach, value.value - where)
    return of_contrast(value, edge, -1 if edge > where else 1, 0.0, problem=problem)


def exact_outcome(value: float, claimed: float, sign: int, margin: float) -> Outcome:
    """A counted figure against a number; either may be 0."""
    if value > 0 and claimed > 0:
        distance = math.log(value / claimed)
    else:
        distance = 0.0 if value == claimed else math.copysign(math.inf, value - claimed)
    reach = math.log1p(margin)
    effect, least = (sign * distance, reach) if sign else (reach - abs(distance), 0.0)
    effect = -math.inf if effect < 0 == least else effect
    return Outcome(value, value, value, effect, least, None)


def share_outcome(share: Share, claimed: float, sign: int, margin: float) -> Outcome:
    """A share of the examples against a number: the score test of one share (Wilson 1927), with the variance between
    seeds added to that of the examples, and a correction for continuity."""
    null, direction, least = claimed, sign, margin
    if not sign:
        null, direction, least = claimed + math.copysign(margin, share.value - claimed), 0, 0.0
        direction = -1 if null > claimed else 1
    effect = direction * (share.value - null)
    if not 0 < null < 1:  # no share lies beyond
        return Outcome(share.value, share.low, share.high, effect, least, None)
    within, between = null * (1 - null) / share.examples, variance_of_mean(share.by_seed)
    distance = max(0.0, abs(share.value - null) - 0.5 / share.examples)
    p = 2 * float(stdtr(freedom(between, within, share.seeds), -distance / math.sqrt(within + between)))
    return Outcome(share.value, share.low, share.high, effect, least, p)


def find(claim: BoundClaim, evidence: Evidence) -> Finding:
    """What the records say."""
    entries, gaps = evidence.entries(claim.metric, claim.ours, claim.at)
    gaps += [gap for entry in entries for gap in entry_gaps(entry, claim.metric)]
    having = [entry for entry in entries if not entry_gaps(entry, claim.metric)]
    if not having:
        return combine([], gaps)
    shares = any(usable_in(entry, claim.metric)[0].share for entry in having)
    return _of_shares(claim, having, gaps) if shares else _of_figures(claim, having, gaps)


def _of_figures(claim: BoundClaim, entries: Sequence[Entry], gaps: Sequence[str]) -> Finding:
    claimed, sign = claim.claimed, claim.sign
    margin = (0.0 if sign else _ABOUT) if claim.margin is None else claim.margin
    figures = [measured(entry.cells, claim) for entry in entries]
    parts = []
    for found, where in zip(figures, _labels(entries), strict=True):
        estimate = found.estimate
        if found.term is None or estimate.exact or claimed <= 0:
            said = exact_outcome(estimate.value, claimed, sign, margin)
        else:
            said = outcome(contrast([1], [found.term]), claimed, sign, margin, found.problem)
        keys = tuple(cell.key for cell in found.cells)
        parts.append(Part(where, _shown(said, estimate.unit), said, keys, estimate.n))
    return combine(
        parts,
        gaps,
        claimed=claim.in_words(lambda number: figure(number, figures[0].estimate.unit)),
        counted_as=counted_as(figures),
        margin=percent(margin),
        warnings=cautions(figures, claim.metric),
    )


def _of_shares(claim: BoundClaim, entries: Sequence[Entry], gaps: Sequence[str]) -> Finding:
    claimed, sign = claim.claimed, claim.sign
    margin = (0.0 if sign else _ABOUT_SHARE) if claim.margin is None else claim.margin
    parts, cells = [], []
    for entry, where in zip(entries, _labels(entries), strict=True):
        share = over_seeds(usable_in(entry, claim.metric))
        said = share_outcome(share, claimed, sign, margin)
        own = [cell for cell in entry.cells if usable(cell, claim.metric)]
        shown = share_in_words(share.value, share.low, share.high)
        parts.append(Part(where, shown, said, tuple(cell.key for cell in own), share.examples * share.seeds))
        cells += own
    single = (ONE_SEED,) if any(part.cells[1:] == () for part in parts) else ()
    warnings = (*single, *told_by_records(raised(cells, claim.metric)))
    claimed_as = claim.in_words(percent)
    return combine(parts, gaps, claimed=claimed_as, counted_as="answers", margin=percent(margin), warnings=warnings)


def _labels(entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return []
    sizes = [entry.size for entry in entries]
    return differing([entry.name for entry in entries], sizes, [entry.first.setting for entry in entries])


def _shown(said: Outcome, unit: str) -> str:
    shown = figure(said.value, unit)
    if said.low is None or said.high is None:
        return f"{shown} (?)"
    if said.low == said.high:
        return shown
    low, high = figure(said.low, unit), figure(said.high, unit)
    number, _, prefix = low.partition(" ")
    return f"{shown} ({number if prefix and high.endswith(f' {prefix}') else low}–{high})"


KIND = Kind(BoundClaim, find)
