"""Something that works or does not: it runs here, it exports with parity, it imports with torch alone."""

from __future__ import annotations

import math

from pydantic import model_validator
from typing_extensions import Self

from reports.answers import Answer
from reports.claims.claim import Claim, Selection, Shared, Text
from reports.claims.compared import cell_names, told_by_cells
from reports.claims.evidence import Evidence
from reports.claims.figures import missing, usable
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.outcome import Outcome
from reports.format import figure
from reports.metrics import label
from suites.estimate import Estimate
from suites.record import Status

_RAN = (Status.OK, Status.UNSTABLE)
_BROKE = (Status.ERROR, Status.CRASHED, Status.OOM)
"""A timeout shows no more than that it takes long, and what is unavailable was not tried."""


class CapabilityClaim(Claim):
    """Every selected cell has the figure, within the bounds if there are any; without a metric: every cell runs.

    Refuted by a cell that tried exactly this and failed: a figure out of bounds, or a warning about the metric whose
    kind ends in `_failed`; without a metric a cell that ended as error, crashed or oom.
    """

    metric: Text | None = None
    """The figure that shows it; none where running is all that is claimed."""
    ours: Selection
    """What the claim speaks of."""
    at: Shared = {}
    """Joined to the selection."""
    at_most: float | None = None
    """The figure must be at most this, such as the error of an export."""
    at_least: float | None = None
    """The figure must be at least this."""

    @model_validator(mode="after")
    def _bounds_need_a_metric(self) -> Self:
        if self.metric is None and (self.at_most is not None or self.at_least is not None):
            raise ValueError("at_most and at_least need a metric")
        return self


def outcome(value: float, at_most: float | None, at_least: float | None) -> Outcome:
    """An exact figure against bounds, either of which may be missing."""
    room = [at_most - value] if at_most is not None else []
    room += [value - at_least] if at_least is not None else []
    effect = min(room, default=1.0)
    return Outcome(value, value, value, effect if effect >= 0 else -math.inf, 0.0, None)


def failed(why: str) -> tuple[str, Outcome]:
    """A try that failed, and what it means."""
    return why, Outcome(math.nan, None, None, -math.inf, 0.0, None)


def find(claim: CapabilityClaim, evidence: Evidence) -> Finding:
    """What the records say."""
    cells, gaps = evidence.chosen(claim.metric, claim.ours, claim.at)
    tried: list[tuple[Answer, str, Outcome]] = []
    for cell in cells:
        said = _ran(cell) if claim.metric is None else _has(cell, claim.metric, claim)
        if said is None:
            gaps.append(missing(cell, claim.metric or "*"))
        else:
            tried.append((cell, *said))
    labels = cell_names([cell.series for cell, _, _ in tried], [cell for cell, _, _ in tried])
    parts = [Part(where, shown, said, (cell.key,), 1) for (cell, shown, said), where in zip(tried, labels, strict=True)]
    warnings = told_by_cells((cell for cell, _, _ in tried), claim.metric or "*")
    return combine(parts, gaps, counted_as="cells", warnings=warnings)


def _ran(cell: Answer) -> tuple[str, Outcome] | None:
    status = cell.record.status if cell.record else None
    if status in _RAN:
        return "runs", outcome(1.0, None, None)
    return failed(missing(cell, "*")) if status in _BROKE else None


def _has(cell: Answer, metric: str, claim: CapabilityClaim) -> tuple[str, Outcome] | None:
    broke = next((form for form in cell.forms if _failed_at(form, metric)), None)  # no other run's success hides it
    if broke is not None:
        return failed(missing(broke, metric))
    found = usable(cell, metric)
    if found is None:
        return None
    return _shown(found, metric), outcome(found.value, claim.at_most, claim.at_least)


def _failed_at(form: Answer, metric: str) -> bool:
    return any(warning.failed for warning in form.warnings(metric))


def _shown(found: Estimate, metric: str) -> str:
    small = found.unit == "1" and 0 < abs(found.value) < 1e-3
    return f"{label(metric)} {f'{found.value:.1e}' if small else figure(found.value, found.unit)}"


KIND = Kind(CapabilityClaim, find)
