"""Every kind of test by its name. A new kind is one file with a ``KIND``, and one entry here or an entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baselines.registry import Registry

if TYPE_CHECKING:
    from reports.claims.claim import Claim
    from reports.claims.evidence import Evidence
    from reports.claims.finding import Finding


@dataclass(frozen=True)
class Kind:
    """A kind of test."""

    form: type[Claim]
    """What such a claim says."""
    find: Callable[[Any, Evidence], Finding]
    """What the records say of one: it gets a claim of ``form``."""


KINDS: Registry[Kind] = Registry(
    "claim_kind",
    {
        "ratio": "reports.claims.ratio:KIND",
        "exponent": "reports.claims.exponent:KIND",
        "non_inferiority": "reports.claims.non_inferiority:KIND",
        "superiority": "reports.claims.superiority:KIND",
        "bound": "reports.claims.bound:KIND",
        "capability": "reports.claims.capability:KIND",
        "crossover": "reports.claims.crossover:KIND",
        "untestable": "reports.claims.untestable:KIND",
    },
)
