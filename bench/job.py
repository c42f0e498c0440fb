"""What one process is asked to do, and what it answers. Plain data: an executor may carry it anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from suites.cell import Cell
from suites.protocol import Protocol
from suites.record import MeasurementWarning, Status

Pass = Literal["exact", "time", "train"]
"""Passes never share a process: counting and memory tracking would disturb what is timed. Only timing is repeated."""

PASSES: tuple[Pass, ...] = ("exact", "time", "train")

MIN_SAMPLES = 6
"""Fewest samples of a cell over all its processes: below six no interval of the median reaches 95 %."""


@dataclass(frozen=True)
class Track:
    """Which tool shows a training while it runs; it decides nothing of the result."""

    tracker: str
    run: str
    """Id of the run."""
    folder: str
    """Of the run."""


@dataclass(frozen=True)
class Job:
    """One process's work: some probes on one cell."""

    cell: Cell
    run_in: Pass
    metrics: tuple[str, ...]
    protocol: Protocol
    time_slice_s: float
    """Seconds of sampling for this process; nothing for probes that don't sample."""
    min_samples: int
    check_output: bool
    """Whether this process also checks the output; once a cell, and never before the first call is timed."""
    known: Mapping[str, float] = field(default_factory=dict)
    """Exact figures that an earlier process of the cell has read."""
    folder: str = ""
    """Where a process may keep what is too large for a record: checkpoints, histories, predictions. Made when used."""
    track: Track | None = None


@dataclass(frozen=True)
class Reading:
    """One figure as one process read it."""

    name: str
    unit: str
    samples: tuple[float, ...]
    method: str
    exact: bool
    share: bool = False
    """Whether `samples` are successes and trials."""


@dataclass(frozen=True)
class Told:
    """How far a long process is: sent before its outcome, as often as it likes."""

    doing: str
    """A few words for a person."""
    done: float
    """Share of the process that is done, 0 to 1."""


@dataclass(frozen=True)
class Outcome:
    """What a process answered, or how it ended."""

    status: Status
    reason: str | None = None
    readings: tuple[Reading, ...] = ()
    warnings: tuple[MeasurementWarning, ...] = ()
    wall_s: float = 0.0
    measured_s: float = 0.0
    log: str = ""


class Unavailable(Exception):
    """A device, runtime or precision that this machine does not have; the message says what to do."""


@dataclass
class Findings:
    """What a probe hands back: readings, and warnings about them."""

    readings: list[Reading] = field(default_factory=list)
    warnings: list[MeasurementWarning] = field(default_factory=list)

    def exact(self, name: str, value: float, unit: str, method: str) -> None:
        """Add a figure that was counted."""
        self.readings.append(Reading(name, unit, (value,), method, exact=True))

    def sampled(self, name: str, samples: list[float], unit: str, method: str) -> None:
        """Add a figure that was sampled."""
        self.readings.append(Reading(name, unit, tuple(samples), method, exact=False))

    def share(self, name: str, successes: float, trials: int, method: str) -> None:
        """Add a share of trials."""
        self.readings.append(Reading(name, "1", (float(successes), float(trials)), method, exact=False, share=True))

    def merge(self, other: Findings) -> None:
        """Add all of ``other``."""
        self.readings += other.readings
        self.warnings += other.warnings
