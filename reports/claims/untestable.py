"""What no run of this tool can decide: it is said, with the reason."""

from __future__ import annotations

from reports.claims.claim import Claim, Text
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding, untested
from reports.claims.kinds import Kind


class UntestableClaim(Claim):
    """Always untested."""

    why: Text
    """Why it can't be tested."""


def find(claim: UntestableClaim, _: Evidence) -> Finding:
    """That nothing can be said, and why."""
    return untested(claim.why)


KIND = Kind(UntestableClaim, find)
