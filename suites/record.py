"""The record, the one contract: what a cell answered, and where that can be read again."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from pydantic import Field, model_validator
from typing_extensions import Self

from suites.cell import Cell, identity
from suites.estimate import Estimate
from suites.schema import SCHEMA_VERSION, Moment, Strict


class Status(str, Enum):
    """How a cell ended. Everything but `ok` comes with a reason."""

    OK = "ok"
    OOM = "oom"
    """It asked for more memory than there was."""
    TIMEOUT = "timeout"
    ERROR = "error"
    """It raised an exception, or its output was not finite or not of the right shape."""
    CRASHED = "crashed"
    """Its process was ended by a signal: a segmentation fault, or killed from outside."""
    INTERRUPTED = "interrupted"
    """Something outside stood in its way, such as a full disk: another try may end well."""
    UNAVAILABLE = "unavailable"
    """Its device, runtime or precision is not on this machine."""
    UNSTABLE = "unstable"
    """It was timed, but the interval is so wide that the figure says nothing."""


FAILED = (Status.OOM, Status.TIMEOUT, Status.ERROR, Status.CRASHED, Status.INTERRUPTED)
"""Statuses that mean: a measurement failed."""


WarningKind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Open, so that a new probe can have its own; each is defined where it is raised."""


class MeasurementWarning(Strict):
    """Something that weakens a figure, or says why there is none: what was seen, and what to do about it."""

    kind: WarningKind
    """What it is."""
    metric: str
    """The estimate that it weakens; `*` for all of the record."""
    message: str
    """One sentence for a person."""
    evidence: dict[str, Any]
    """The figures it was judged by."""
    advice: str
    """What to do about it."""

    @property
    def failed(self) -> bool:
        """Whether it says that the figure was tried and could not be had."""
        return self.kind.endswith("_failed")


class Record(Strict):
    """One attempt at one cell. A failed cell is a record with its reason, never a missing row."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    identity: str
    """Content hash of `cell`, equal to the plan's."""
    cell: Cell
    """What was run."""
    family: str
    """The model's family."""
    size_class: str | None
    """The model's size class; none for a model outside the table."""
    suite: str
    """Name of the suite that asked."""
    run: str
    """Id of the run that this record belongs to."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """1 for the first try at this cell in this run, 2 after a resume that tried again, and so on."""
    status: Status
    """How it ended."""
    reason: str | None = None
    """Why it did not end ok."""
    estimates: dict[str, Estimate]
    """What was measured, by name of the figure."""
    warnings: list[MeasurementWarning]
    """What weakens it."""
    fingerprint: str
    """Id of the machine in environment.json."""
    block: str
    """Id of the interleaved block it was timed in; only cells of one block were timed side by side."""
    started: Moment
    """When its first process started."""
    ended: Moment
    """When its last process ended."""
    wall_s: Annotated[float, Field(ge=0)]
    """Seconds that its processes lived, summed."""
    measured_s: Annotated[float, Field(ge=0)]
    """Seconds of these spent inside probes (warm-up included); the rest is overhead."""
    log: str = ""
    """The end of what its processes printed, where it did not end ok."""

    @property
    def failed_at(self) -> set[str]:
        """Figures that were tried and could not be had."""
        return {warning.metric for warning in self.warnings if warning.failed}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.identity != identity(self.cell):
            raise ValueError(f"identity {self.identity} does not belong to its cell ({identity(self.cell)})")
        if (self.status is Status.OK) != (self.reason is None):
            raise ValueError("a record has a reason exactly where its status is not ok")
        return self
