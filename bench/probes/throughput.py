"""Throughput: images a second when calls follow each other without waiting between them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from bench.contention import Contention
from bench.job import Findings, Pass
from bench.sampling import not_stationary, warm_up
from bench.sampling import sample as take_samples

if TYPE_CHECKING:
    from bench.subject import Subject

_WINDOW_S = 0.05


class ThroughputProbe:
    """Times windows of back-to-back calls; on an accelerator the queue stays full inside a window."""

    run_in: Pass = "time"

    def read(self, subject: Subject) -> Findings:
        """``throughput`` in images a second, a sample a window of about 50 ms and at least one call."""
        job, device = subject.job, subject.device
        warmed = warm_up(lambda: device.timed(subject.call), job.protocol.warmup_cap_s)
        one_call = (warmed.seconds - warmed.first_s) / (warmed.calls - 1)
        calls = max(1, math.ceil(_WINDOW_S / one_call))

        def window() -> float:
            device.synchronize()
            start = time.perf_counter_ns()
            for _ in range(calls):
                subject.call()
            device.synchronize()
            return (time.perf_counter_ns() - start) * 1e-9

        with Contention("throughput") as contention:
            times = take_samples(window, target=job.protocol.target, cap_s=job.time_slice_s, minimum=job.min_samples)
        images = calls * job.cell.workload.batch
        found = Findings()
        if not warmed.stationary:
            found.warnings.append(not_stationary("throughput", warmed))
        found.sampled("throughput", [images / t for t in times], "1/s", f"windows of {calls} back-to-back calls")
        found.warnings += contention.warnings()
        return found


PROBE = ThroughputProbe()
