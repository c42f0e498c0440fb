"""Each planned cell with its last record, and a name that tells it from every other cell of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from suites.cell import Cell
from suites.estimate import Estimate
from suites.plan import PlannedCell
from suites.record import MeasurementWarning, Record
from suites.results import Results

MISSING = "missing"
"""Status of a planned cell that has no record yet."""

_Axis: TypeAlias = tuple[Callable[[Cell], object], object, Callable[[object], str]]

_SEED: _Axis = (lambda cell: cell.seed, 0, lambda seed: f"seed {seed}")
_VARIANT_AXES: tuple[_Axis, ...] = (
    (lambda cell: cell.workload.layout, "contiguous", str),
    (lambda cell: cell.workload.fuse, False, lambda fuse: "fused" if fuse else "unfused"),
    (lambda cell: cell.precision, "fp32", str),
    (lambda cell: cell.runtime, "eager", str),
    (lambda cell: cell.workload.source, "photo", str),
    _SEED,
)
"""What may differ between rows of one model and one setting: (value, default, how it is said)."""


@dataclass(frozen=True)
class Answer:
    """A planned cell, and the last record of it if there is one."""

    planned: PlannedCell
    record: Record | None
    series: str
    """The model, plus what differs from the defaults among the axes that vary inside the run."""
    entrant: str
    """The same whatever the seed: what learns, once for every seed."""

    @property
    def cell(self) -> Cell:
        """What was asked."""
        return self.planned.cell

    @property
    def status(self) -> str:
        """The record's status, or `missing`."""
        return self.record.status.value if self.record else MISSING

    @property
    def setting(self) -> str:
        """Everything but the size that a block shares: one plot and one group of tables each."""
        threads = "1 thread" if self.cell.threads == 1 else f"{self.cell.threads} threads"
        return f"{self.cell.device}, {threads}, {self.cell.workload.setting}"

    @property
    def size(self) -> str:
        """The input's size without unit: `224`, `224x448` (height first), or the length of a sequence."""
        return self.cell.workload.size

    @property
    def variant(self) -> tuple[object, ...]:
        """All that may differ beside model, size and setting; like is compared with like."""
        return tuple(value(self.cell) for value, _, _ in _VARIANT_AXES)

    @property
    def figures(self) -> dict[str, Estimate]:
        """Estimates by column: a projection has a column of its own, so that it never stands beside a measurement."""
        estimates = self.record.estimates if self.record else {}
        return {
            name if estimate.origin == "measured" else f"{estimate.origin}_{name}": estimate
            for name, estimate in estimates.items()
        }

    @property
    def comparable(self) -> dict[str, Estimate]:
        """The figures of a cell that ended ok: what a failed one had read before is shown, and never compared."""
        return self.figures if self.status == "ok" else {}

    def warnings(self, metric: str) -> list[MeasurementWarning]:
        """Warnings about exactly this metric; `*` asks for those about the whole record."""
        return [warning for warning in self.record.warnings if warning.metric == metric] if self.record else []


def answers(results: Results) -> list[Answer]:
    """Every planned cell in the plan's order."""
    latest = results.latest()
    cells = [planned.cell for planned in results.plan.cells]
    varying = [axis for axis in _VARIANT_AXES if len({axis[0](cell) for cell in cells}) > 1]

    kinds = [axis for axis in varying if axis is not _SEED]
    return [
        Answer(planned, latest.get(planned.identity), _name(planned.cell, varying), _name(planned.cell, kinds))
        for planned in results.plan.cells
    ]


def _name(cell: Cell, axes: Iterable[_Axis]) -> str:
    said = [say(value(cell)) for value, default, say in axes if value(cell) != default]
    return " + ".join([cell.model, *said])
