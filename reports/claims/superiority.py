"""Accuracy that is higher than theirs, tested on the same examples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reports.accuracy.mcnemar import Paired
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome
from reports.claims.paired import PairedClaim, find_paired


class SuperiorityClaim(PairedClaim):
    """Ours is right more often than theirs. Trained models only; seeds are paired."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Least difference that matters, as a share of the examples: 0.01 is one percentage point."""


def outcome(paired: Paired, margin: float) -> Outcome:
    """A difference against none."""
    return Outcome(paired.difference, paired.low, paired.high, paired.difference, margin, paired.p)


def find(claim: SuperiorityClaim, evidence: Evidence) -> Finding:
    """What the records say."""
    return find_paired(claim, evidence, lambda paired: outcome(paired, claim.margin), claim.margin, "more than theirs")


KIND = Kind(SuperiorityClaim, find)
