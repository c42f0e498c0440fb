"""Accuracy that is not lower than theirs by more than a margin, tested on the same examples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reports.accuracy.mcnemar import Paired
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome
from reports.claims.paired import PairedClaim, find_paired


class NonInferiorityClaim(PairedClaim):
    """Ours loses at most `margin` of the examples to theirs. Trained models only; seeds are paired."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """The loss that is allowed, as a share of the examples: 0.02 is two percentage points."""


def outcome(paired: Paired, allowed: float) -> Outcome:
    """A difference against a loss of ``allowed``: the margin is the claimed value itself, and there is no other."""
    p = paired.p_against(-allowed)
    return Outcome(paired.difference, paired.low, paired.high, paired.difference + allowed, 0.0, p)


def find(claim: NonInferiorityClaim, evidence: Evidence) -> Finding:
    """What the records say."""
    claimed = f"a loss of at most {100 * claim.margin:g} points"
    return find_paired(claim, evidence, lambda paired: outcome(paired, claim.margin), claim.margin, claimed)


KIND = Kind(NonInferiorityClaim, find)
