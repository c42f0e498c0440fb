"""A figure of ours over theirs, both timed side by side: 'takes at most half the time'."""

from __future__ import annotations

import math

from pydantic import model_validator
from typing_extensions import Self

from reports.claims.claim import Margin, Threshold
from reports.claims.compared import SidedClaim, cautions, compared, counted_as, side_names, unsided
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome, of_contrast
from reports.contrast import Contrast
from reports.format import between, percent
from reports.metrics import label


class RatioClaim(SidedClaim, Threshold):
    """`at_most: 1` says that ours takes no more than theirs, `at_least: 2` that ours is twice theirs."""

    margin: Margin = 0.05
    """Relative: with `at_most: 1` and 0.05, a ratio from 1/1.05 to 1.05 decides nothing."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.claimed <= 0:
            raise ValueError("a ratio is above 0: give at_most or at_least such a number")
        return self


def outcome(ratio: Contrast, claimed: float, sign: int, margin: float, problem: str = "") -> Outcome:
    """The logarithm of a ratio against a ``claimed`` ratio; ``sign`` is -1 where that is an upper bound, 1 a lower."""
    return of_contrast(ratio, math.log(claimed), sign, math.log1p(margin), problem=problem)


def find(claim: RatioClaim, evidence: Evidence) -> Finding:
    """What the records say."""
    found, gaps = compared(claim, evidence)
    parts = []
    for one, where in zip(found, side_names([one.pair for one in found]), strict=True):
        said = outcome(one.ratio, claim.claimed, claim.sign, claim.margin, one.problem)
        parts.append(Part(where, _shown(said, claim.metric), said, tuple(cell.key for cell in one.cells), one.n))
    used = unsided(found)
    return combine(
        parts,
        gaps,
        claimed=claim.in_words,
        counted_as=counted_as(used),
        margin=percent(claim.margin),
        warnings=cautions(used, claim.metric),
    )


def _shown(said: Outcome, metric: str) -> str:
    return f"{between(said.value, said.low, said.high)} {'of' if said.value < 1 else 'times'} the {label(metric)}"


KIND = Kind(RatioClaim, find)
