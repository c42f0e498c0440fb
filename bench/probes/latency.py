"""Latency: the time of one call, from a warm start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contention import Contention
from bench.job import Findings, Pass
from bench.sampling import not_stationary, warm_up
from bench.sampling import sample as take_samples

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
        if not job.cell.workload.fuse:  # folding has run the model before
            found.sampled("first_call", [warmed.first_s], "s", "first call in a fresh process")
        if not warmed.stationary:
            found.warnings.append(not_stationary("latency", warmed))
        with Contention("latency") as contention:
            times = take_samples(timed, target=job.protocol.target, cap_s=job.time_slice_s, minimum=job.min_samples)
        found.sampled("latency", times, "s", f"median of single calls, {job.cell.threads} threads, warm")
        found.warnings += contention.warnings()
        return found


PROBE = LatencyProbe()
