"""Latency: the time of one forward, from a warm start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contention import Contention
from bench.job import Findings, Pass
from bench.sampling import sample as take_samples
from bench.sampling import warm_up
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from bench.subject import Subject


class LatencyProbe:
    """Warms up until stationary, then samples single calls."""

    run_in: Pass = "time"

    def read(self, subject: Subject) -> Findings:
        """``latency`` and ``first_call`` in seconds; garbage collection is held off while sampling."""
        job, found = subject.job, Findings()

        def timed() -> float:
            return subject.device.timed(subject.call)

        warmed = warm_up(timed, job.protocol.warmup_cap_s)
        found.sampled("first_call", [warmed.first_s], "s", "first call in a fresh process")
        if not warmed.stationary:
            found.warnings.append(_not_stationary(warmed.calls, warmed.seconds))
        with Contention("latency") as contention:
            times = take_samples(timed, target=job.protocol.target, cap_s=job.time_slice_s, minimum=job.min_samples)
        found.sampled("latency", times, "s", f"median of single calls, {job.cell.threads} threads, warm, interleaved")
        found.warnings += contention.warnings()
        return found


def _not_stationary(calls: int, seconds: float) -> MeasurementWarning:
    return MeasurementWarning(
        kind="not_stationary",
        metric="latency",
        message=f"still drifting after {calls} warm-up calls ({seconds:.1f} s)",
        evidence={"calls": calls, "seconds": seconds},
        advice="run 'vio-bench doctor', close other programs, or raise protocol.warmup_cap_s in the suite",
    )


PROBE = LatencyProbe()
