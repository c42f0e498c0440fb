"""What learns a task: one model in one variant, with its cells over the seeds and what they say together."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property

from reports.accuracy.seeds import Share, over_seeds
from reports.answers import Answer
from reports.metrics import AT_LENGTH
from suites.record import Status
from suites.task_workload import TaskWorkload

_SCORED = (Status.OK, Status.UNSTABLE)
"""A cell whose timing is unstable has learnt all the same."""


@dataclass(frozen=True)
class Typical:
    """A figure over seeds: the median of the values, and all that their intervals span."""

    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Entrant:
    """One model in one variant on one task: its cells, one a seed."""

    name: str
    cells: list[Answer]

    @property
    def scored(self) -> list[Answer]:
        """The seeds that were trained and scored."""
        return [c for c in self.cells if c.record and c.record.status in _SCORED and "accuracy" in c.figures]

    @cached_property
    def accuracy(self) -> Share | None:
        """On test examples of the size that was trained on; None where no seed was scored."""
        return self.share("accuracy")

    def share(self, metric: str) -> Share | None:
        """A share of test examples over the seeds that have it."""
        found = [cell.figures[metric] for cell in self.scored if metric in cell.figures]
        return over_seeds(found) if found else None

    def at(self, length: int) -> Share | None:
        """Accuracy on test examples of some length, the trained one included."""
        trained = length == task_of(self.cells[0]).input_size
        return self.accuracy if trained else self.share(f"{AT_LENGTH}{length}")

    def typical(self, metric: str) -> Typical | None:
        """Any other figure; what a failed seed had read before is shown too."""
        found = [cell.figures[metric] for cell in self.cells if metric in cell.figures]
        if not found:
            return None
        low, high = min(figure.low for figure in found), max(figure.high for figure in found)
        return Typical(statistics.median(figure.value for figure in found), low, high, found[0].unit)


def task_of(answer: Answer) -> TaskWorkload:
    """The workload of a cell that learns."""
    workload = answer.cell.workload
    assert isinstance(workload, TaskWorkload)
    return workload
