"""From the outcomes of a cell's processes to its record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.schedule import CellWork, Schedule
from suites.estimate import Estimate
from suites.record import MeasurementWarning, Record, Status
from suites.schema import now

UNSTABLE = 0.5
"""Relative half-width from which a timing says nothing."""


@dataclass(frozen=True)
class RunContext:
    """What every record of a session shares."""

    suite: str
    run: str
    fingerprint: str
    block: str
    interleaved: bool
    """False where a resume measures the rest of a block whose other cells were measured before."""
    attempt: int


def make_record(work: CellWork, schedule: Schedule, context: RunContext) -> Record:
    """The record of a cell that has ended: status, estimates, and every warning once."""
    estimates = work.estimates()
    timed = [name for name in schedule.metrics.get("time", ()) if name in estimates]
    status, reason = _status(work, {name: estimates[name] for name in timed})
    warnings = [warning for outcome in work.outcomes for warning in outcome.warnings]
    warnings += [w for name in timed if (w := _wide(name, estimates[name], schedule.protocol.target))]
    if timed and not context.interleaved:
        warnings.append(_not_interleaved())
    return Record(
        identity=work.planned.identity,
        cell=work.planned.cell,
        family=work.planned.family,
        size_class=work.planned.size_class,
        suite=context.suite,
        run=context.run,
        attempt=context.attempt,
        status=status,
        reason=reason,
        estimates=estimates,
        warnings=_each_once(warnings),
        fingerprint=context.fingerprint,
        block=context.block,
        started=work.started,
        ended=now(),
        wall_s=sum(outcome.wall_s for outcome in work.outcomes),
        measured_s=sum(outcome.measured_s for outcome in work.outcomes),
        log=work.failure.log if work.failure else "",
    )


def _status(work: CellWork, timed: dict[str, Estimate]) -> tuple[Status, str | None]:
    if work.failure:
        return work.failure.status, work.failure.reason or work.failure.status.value
    for name, estimate in timed.items():
        if estimate.half_width > UNSTABLE:
            return Status.UNSTABLE, f"{name} is {estimate.value:.3g} {estimate.unit} ± {estimate.half_width:.0%}"
    return Status.OK, None


def _each_once(warnings: Iterable[MeasurementWarning]) -> list[MeasurementWarning]:
    """The first warning of each kind and metric: several processes of a cell often say the same."""
    first: dict[tuple[str, str], MeasurementWarning] = {}
    for warning in warnings:
        first.setdefault((warning.kind, warning.metric), warning)
    return list(first.values())


def _wide(name: str, estimate: Estimate, target: float) -> MeasurementWarning | None:
    if estimate.half_width <= target:
        return None
    return MeasurementWarning(
        kind="wide_interval",
        metric=name,
        message=f"interval of ± {100 * estimate.half_width:.1f} % where ± {100 * target:g} % was wanted, "
        f"after {estimate.n} samples from {len(estimate.samples)} process(es)",
        evidence={"half_width": estimate.half_width, "target": target, "n": estimate.n},
        advice="run 'vio-bench doctor', or raise protocol.time_cap_s in the suite",
    )


def _not_interleaved() -> MeasurementWarning:
    return MeasurementWarning(
        kind="not_interleaved",
        metric="*",
        message="measured in another session than the rest of its block",
        evidence={},
        advice="don't take a ratio against the others of its block; run the suite anew for one",
    )
