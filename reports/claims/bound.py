"""A figure against a number: params, seconds, bytes or accuracy at least, at most, or about so much."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import model_validator
from typing_extensions import Self

from reports.accuracy.seeds import over_seeds
from reports.claims.against_number import distance, exact_outcome, outcome, share_outcome
from reports.claims.claim import Margin, MeasuredClaim, is_share
from reports.claims.compared import cautions, cell_names, counted_as, told_by_cells
from reports.claims.evidence import Evidence
from reports.claims.figures import ONE_SEED, Measured, entry_gaps, measured, usable, usable_in
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome
from reports.claims.select import Entry
from reports.contrast import contrast
from reports.format import figure, percent
from reports.format import share as share_in_words

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

    @model_validator(mode="after")
    def _share_that_there_is(self) -> Self:
        if not is_share(self.metric):
            return self
        if not 0 <= self.claimed <= 1:
            raise ValueError(f"{self.metric} is a share from 0 to 1: {self.claimed:g} is none (81 % is 0.81)")
        everything = self.about is not None and 1 - (self.margin or 0) <= self.about <= (self.margin or 0)
        if self.at_least == 0 or self.at_most == 1 or everything:
            raise ValueError(f"every share is {self.in_words(percent)}: give a number that can be wrong")
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
        said = _of_one(found, claimed, sign, margin)
        keys = tuple(cell.key for cell in found.cells)
        parts.append(Part(where, _shown(said, found.estimate.unit), said, keys, found.estimate.n))
    return combine(
        parts,
        gaps,
        claimed=claim.in_words(lambda number: figure(number, figures[0].estimate.unit)),
        counted_as=counted_as(figures),
        margin=percent(margin),
        warnings=cautions(figures, claim.metric),
        otherwise="the opposite" if sign else "another figure",
    )


def _of_one(found: Measured, claimed: float, sign: int, margin: float) -> Outcome:
    estimate = found.estimate
    if estimate.exact:
        return exact_outcome(estimate.value, claimed, sign, margin)
    if found.term is not None and claimed > 0:
        return outcome(contrast([1], [found.term]), claimed, sign, margin, found.problem)
    problem = found.problem or f"a figure with noise can't be set against {claimed:g}, which has no logarithm"
    effect, least = distance(estimate.value, claimed, sign, margin)
    return Outcome(estimate.value, None, None, effect, least, None, problem)


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
    single = any(len(part.cells) == 1 for part in parts)
    told = told_by_cells(cells, claim.metric)
    return combine(
        parts,
        gaps,
        claimed=claim.in_words(percent),
        counted_as="answers",
        margin=percent(margin),
        warnings=(ONE_SEED, *told) if single else told,
        otherwise="the opposite" if sign else "another figure",
        caveat="by one training" if single else "",
    )


def _labels(entries: Sequence[Entry]) -> list[str]:
    return cell_names([entry.name for entry in entries], [entry.first for entry in entries])


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
