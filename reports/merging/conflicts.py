"""Whether two records of one cell, taken on one machine in two runs, say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

from baselines.errors import UsageError
from reports.contrast import contrast, log_median
from reports.format import figure, spread
from reports.metrics import label
from suites.estimate import CONFIDENCE, Estimate
from suites.record import Record, Status

_ANSWERED = (Status.OK, Status.UNSTABLE)


def check_agreement(attempts: Sequence[Record], taken_from: Callable[[Record], Path]) -> None:
    """Raise ``UsageError`` naming cell, folders and figures where records of one cell on one machine disagree.

    Args:
        attempts: the last attempt of each run at each cell.
        taken_from: says in which folder a record was found.
    """
    alike: dict[tuple[str, str], list[Record]] = {}
    for record in attempts:
        if record.status in _ANSWERED:
            alike.setdefault((record.identity, record.fingerprint), []).append(record)
    for records in alike.values():
        for one, other in combinations(records, 2):
            said = disagreement(one, other)
            if said:
                raise UsageError(
                    f"{one.cell.label} ({one.identity}) was measured twice on machine {one.fingerprint}, and "
                    f"{taken_from(one)} and {taken_from(other)} disagree: {said}; merge without one of the two"
                )


def disagreement(one: Record, other: Record) -> str:
    """The first figure in which two records differ, in words; empty where they agree.

    Exact figures must be equal. Sampled ones differ where their 95 % intervals exclude each other; a figure of a single
    process has no interval that spans processes, so it can't. A figure that one has and the other failed at differs
    too: a capability is there or not.
    """
    contradicted = _contradicted(one, other) + _contradicted(other, one)
    if contradicted:
        return f"one has {label(contradicted[0])}, the other failed at it"
    for name, estimate in one.estimates.items():
        figures = (estimate, other.estimates.get(name))
        if figures[1] is not None and _differ(figures[0], figures[1]):
            return f"{label(name)} {_said(figures[0])} and {_said(figures[1])}"
    return ""


def _contradicted(one: Record, other: Record) -> list[str]:
    """Figures of ``one`` that ``other`` failed at."""
    return [name for name in one.estimates if name in other.failed_at and name not in other.estimates]


def _differ(one: Estimate, other: Estimate) -> bool:
    if (one.unit, one.exact, one.origin) != (other.unit, other.exact, other.origin):
        return True
    if one.exact:
        return one.value != other.value
    first, second = _interval(one), _interval(other)
    return first is not None and second is not None and (first[1] < second[0] or second[1] < first[0])


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    """At 95 %: that of the estimate where it reaches so much, else over its processes."""
    if estimate.share:
        return estimate.low, estimate.high
    if len(estimate.samples) < 2:
        return None
    if estimate.confidence >= CONFIDENCE:
        return estimate.low, estimate.high
    logarithm = log_median(estimate)
    if logarithm is None:
        return None
    found = contrast([1], [logarithm])
    return None if found.low is None or found.high is None else (math.exp(found.low), math.exp(found.high))


def _said(estimate: Estimate) -> str:
    if estimate.exact:
        return f"{estimate.value:,.15g}{'' if estimate.unit == '1' else f' {estimate.unit}'}"
    return f"{figure(estimate.value, estimate.unit)} {spread(estimate)}".rstrip()
