"""Training curves in other people's tools: what a tracker is told, and what happens where it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import Self

from baselines.errors import NotInstalled
from baselines.registry import Registry
from bench.job import Job
from suites.cell import identity
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from bench.training.job import Progress
    from suites.history import Epoch

_LONGEST_NAME = 100


@dataclass(frozen=True)
class TrackedTraining:
    """The training that a tracker is about to be told of."""

    run: str
    """Id of the run that it is a part of."""
    folder: Path
    """Of that run."""
    name: str
    """The cell's label and the start of its identity: fit for a file, one of its own in the run."""
    label: str
    """The cell in a few words."""
    identity: str
    """Of the cell."""
    config: Mapping[str, Any]
    """The cell, as plain data."""


class Tracker(Protocol):
    """Shows one training in another tool; made anew each time that the training starts or goes on."""

    package: str
    """What has to be installed, by the name that pip knows."""

    def begin(self, training: TrackedTraining) -> None:
        """Open the training's place, emptied of what an earlier start has left there: every epoch is told again."""

    def epoch(self, epoch: Epoch) -> None:
        """Show one epoch; they come in order."""

    def end(self, summary: Mapping[str, float] | None) -> None:
        """Show what it came to, and close. None where it failed."""


TRACKERS: Registry[type[Tracker]] = Registry(
    "tracker",
    {
        "tensorboard": "bench.trackers.tensorboard:TensorBoardTracker",
        "wandb": "bench.trackers.wandb:WandbTracker",
    },
)


def check_tracker(name: str | None) -> None:
    """Raise ``UsageError`` where there is no such tracker, ``NotInstalled`` where its package is missing."""
    if name is None:
        return
    package = TRACKERS.load(name).package
    try:
        version(package)  # not find_spec: a folder `wandb` where one stands would pass for the package
    except PackageNotFoundError:
        raise NotInstalled(f"--track {name} needs a package that is not here: pip install {package}") from None


def scalars(epoch: Epoch) -> dict[str, float]:
    """The epoch's figures by name, those that it has; its step apart, which they are drawn over."""
    return epoch.model_dump(exclude={"step"}, exclude_none=True)


class Tracking:
    """What one job's training tells its tracker, if it has one. Use as a context manager around the training.

    Trials of the sweep are not told: their steps would fall on those of the run. A tracker that raises is not asked
    again, and the training goes on.
    """

    def __init__(self, job: Job) -> None:
        self.warnings: list[MeasurementWarning] = []
        """One where the tracker failed."""
        self._job = job
        self._tracker: Tracker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is not None and self._tracker is not None:
            self.end(None)

    def follow(self, progress: Progress) -> None:
        """Tell of an epoch that has ended; at the run's first step, of all those before it."""
        if progress.phase == "train":
            self._guarded(lambda: self._follow(progress))

    def end(self, summary: Mapping[str, float] | None) -> None:
        """Tell what the training came to; None where it failed."""
        self._guarded(lambda: self._begun().end(summary))

    def _guarded(self, tell: Callable[[], None]) -> None:
        if self._job.track is None or self.warnings:
            return
        try:
            tell()
        except Exception as error:  # another tool may raise anything, and none of it concerns the training
            self.warnings.append(_failed(self._job.track.tracker, error))

    def _follow(self, progress: Progress) -> None:
        tracker = self._begun(before=progress.step)
        if progress.ended is not None:
            tracker.epoch(progress.ended)

    def _begun(self, before: int | None = None) -> Tracker:
        """The tracker; a new one is told the epochs before a step first, by the history, which resuming cut back."""
        if self._tracker is None:
            from suites.history import read_history

            assert self._job.track is not None
            self._tracker = TRACKERS.load(self._job.track.tracker)()
            self._tracker.begin(_described(self._job))
            for epoch in read_history(Path(self._job.folder)):
                if before is None or epoch.step < before:
                    self._tracker.epoch(epoch)
        return self._tracker


def _described(job: Job) -> TrackedTraining:
    assert job.track is not None
    cell, key = job.cell, identity(job.cell)
    plain = re.sub(r"[^A-Za-z0-9_.+=]+", "-", cell.label).strip("-.")[:_LONGEST_NAME]
    return TrackedTraining(
        run=job.track.run,
        folder=Path(job.track.folder),
        name=f"{plain}-{key[:8]}",
        label=cell.label,
        identity=key,
        config=cell.model_dump(mode="json"),
    )


def _failed(tracker: str, error: Exception) -> MeasurementWarning:
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return MeasurementWarning(
        kind="not_tracked",
        metric="accuracy",
        message=f"{tracker} failed, so it shows this training in part or not at all; the figures are whole",
        evidence={"tracker": tracker, "error": what},
        advice="every epoch is in history.jsonl, in the cell's folder under training/",
    )
