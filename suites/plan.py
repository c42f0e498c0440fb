"""The plan: every cell of a run with its identity, written before anything is measured."""

from __future__ import annotations

from pydantic import model_validator
from typing_extensions import Self

from suites.cell import Cell, identity
from suites.schema import SCHEMA_VERSION, Moment, Strict
from suites.suite import Suite
from suites.task_axes import TaskCard


class PlannedCell(Strict):
    """A cell that is to be run."""

    identity: str
    """Content hash of the cell."""
    family: str
    """The model's family."""
    size_class: str | None
    """The model's size class; none for a model outside the table."""
    cell: Cell
    """What is to be run."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.identity != identity(self.cell):
            raise ValueError(f"identity {self.identity} does not belong to its cell ({identity(self.cell)})")
        return self


class Plan(Strict):
    """plan.json: what a run consists of. Written once, never changed."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    run: str
    """Id of the run: the name of its folder."""
    created: Moment
    """When it was planned."""
    suite: Suite
    """The suite as it was resolved, options of the command applied."""
    cells: list[PlannedCell]
    """Every cell, in order."""
    tasks: list[TaskCard] = []
    """What is known of the data of each task."""

    @model_validator(mode="after")
    def _each_cell_once(self) -> Self:
        if len({planned.identity for planned in self.cells}) < len(self.cells):
            raise ValueError("a cell is planned twice")
        return self

    def blocks(self) -> list[list[PlannedCell]]:
        """Cells grouped by what they are compared in; their processes are interleaved."""
        grouped: dict[str, list[PlannedCell]] = {}
        for planned in self.cells:
            grouped.setdefault(planned.cell.block, []).append(planned)
        return list(grouped.values())
