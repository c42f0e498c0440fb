"""Which process runs next: passes, rounds and interleaving. Pure logic over an executor.

The cells of a block are compared with each other, so their timed processes alternate: A B C, C B A, A B C. Drift
of the machine then hits all alike. Training comes last, one cell after the other: it is not compared by the clock,
and a run that is killed then has the timings of its block still to take, but goes on with its checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.executors import Executor
from bench.job import MIN_SAMPLES, Job, Outcome, Pass, Told, Track
from suites.estimate import Estimate, exact, sampled, share
from suites.plan import PlannedCell
from suites.protocol import Protocol
from suites.record import Status
from suites.schema import Moment, now


@dataclass
class CellWork:
    """A cell on its way: the outcomes of its processes so far."""

    planned: PlannedCell
    outcomes: list[Outcome] = field(default_factory=list)
    started: Moment = field(default_factory=now)

    @property
    def failure(self) -> Outcome | None:
        """The first outcome that was not ok."""
        return next((outcome for outcome in self.outcomes if outcome.status is not Status.OK), None)

    def estimates(self) -> dict[str, Estimate]:
        """What was read so far, samples of one figure from several processes merged."""
        readings = [reading for outcome in self.outcomes for reading in outcome.readings]
        merged = {}
        for first in readings:
            if first.name in merged:
                continue
            if first.share:
                merged[first.name] = share(first.samples[0], int(first.samples[1]), first.unit, first.method)
            elif first.exact:
                merged[first.name] = exact(first.samples[0], first.unit, first.method)
            else:
                samples = [reading.samples for reading in readings if reading.name == first.name]
                merged[first.name] = sampled(samples, first.unit, first.method)
        return merged


@dataclass(frozen=True)
class Schedule:
    """How the cells of one suite are worked through."""

    metrics: Mapping[Pass, tuple[str, ...]]
    """The suite's metrics by the pass they are read in; only passes that have any."""
    protocol: Protocol
    executor: Executor
    on_job: Callable[[CellWork, str], None] = lambda *_: None
    """Told before each process, with what it will do in a few words."""
    on_told: Callable[[CellWork, Told], None] = lambda *_: None
    """Told what a process says of itself while it works."""
    folder: Path = Path()
    """Where cells keep what is too large for a record, each in a folder named by its identity."""
    track: Track | None = None
    """Where trainings are shown."""

    def run_block(self, block: Sequence[PlannedCell]) -> Iterator[CellWork]:
        """Work through the cells of a block, yielding each as soon as it has ended."""
        active = [CellWork(planned) for planned in block]
        if "exact" in self.metrics:
            for work in active:
                self._execute(work, "exact", "exact figures")
                if work.failure or self.metrics.keys() == {"exact"}:
                    yield work
            if self.metrics.keys() == {"exact"}:
                return
            active = [work for work in active if not work.failure]
        processes = self.protocol.processes if "time" in self.metrics else 0
        for turn in range(processes):
            for work in active if turn % 2 == 0 else reversed(active):
                self._execute(work, "time", f"timing, process {turn + 1} of {processes}")
            yield from (work for work in active if work.failure)
            active = [work for work in active if not work.failure]
        if "train" in self.metrics:
            for work in active:
                self._execute(work, "train", "training")
                yield work
        else:
            yield from active

    def _execute(self, work: CellWork, name: Pass, doing: str) -> None:
        self.on_job(work, doing)
        job = Job(
            cell=work.planned.cell,
            run_in=name,
            metrics=self.metrics[name],
            protocol=self.protocol,
            time_slice_s=self.protocol.time_cap_s / self.protocol.processes,
            min_samples=math.ceil(MIN_SAMPLES / self.protocol.processes),
            check_output=not work.outcomes,
            known={name: estimate.value for name, estimate in work.estimates().items() if estimate.exact},
            folder=str(self.folder / work.planned.identity),
            track=self.track,
        )
        work.outcomes.append(self.executor.execute(job, lambda told: self.on_told(work, told)))
