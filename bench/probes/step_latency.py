"""Step latency: the time of one more token, after as many as the cell's input has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.contention import Contention
from bench.job import Findings, Pass
from bench.sampling import not_stationary, warm_up
from bench.sampling import sample as take_samples

if TYPE_CHECKING:
    from bench.subject import Subject


class StepLatencyProbe:
    """Steps from one and the same state, which a step leaves as it is; sampled as `latency` is."""

    run_in: Pass = "time"

    def read(self, subject: Subject) -> Findings:
        """``step_latency`` in seconds; none, and a warning, for a model without a stream of its own."""
        import torch

        from bench.streams import not_streamable, refusal, state_after

        job, tokens, found = subject.job, subject.example, Findings()
        model: Any = subject.model
        why = "only sequences are streamed" if tokens.ndim == 4 else refusal(model, tokens.shape[0])
        if why is not None:
            found.warnings.append(not_streamable("step_latency", why))
            return found
        state, token = state_after(model, tokens), tokens[:, -1]

        def step() -> None:
            with torch.inference_mode():
                model.step(token, state)

        def timed() -> float:
            return subject.device.timed(step)

        warmed = warm_up(timed, job.protocol.warmup_cap_s)
        if not warmed.stationary:
            found.warnings.append(not_stationary("step_latency", warmed))
        with Contention("step_latency") as contention:
            times = take_samples(timed, target=job.protocol.target, cap_s=job.time_slice_s, minimum=job.min_samples)
        method = f"median of single steps after {tokens.shape[1]:,} tokens, {job.cell.threads} threads, warm"
        found.sampled("step_latency", times, "s", method)
        found.warnings += contention.warnings()
        return found


PROBE = StepLatencyProbe()
