"""The plan: every cell of a run with its identity, written before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, model_validator
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


RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
"""Id of a run, fit to be the name of a folder."""


class Part(Strict):
    """One run that was merged into another plan."""

    run: RunId
    """Id of the run."""
    created: Moment
    """When it was planned."""
    suite: Suite
    """The suite as it was resolved."""
    cells: list[str]
    """Identities of its cells, in its order."""
    machines: list[str]
    """Ids of the machines that it ran on, in order of time."""


class Plan(Strict):
    """plan.json: what a run consists of. Written once, never changed."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    run: str
    """Id of the run: the name of its folder."""
    created: Moment
    """When it was planned."""
    suite: Suite
    """The suite as it was resolved, options of the command applied; the first of a merged plan's."""
    cells: list[PlannedCell]
    """Every cell, in order."""
    tasks: list[TaskCard] = []
    """What is known of the data of each task."""
    merged: list[Part] = []
    """The runs that it was merged from, in order of time; none for a run of its own."""

    @model_validator(mode="after")
    def _each_cell_once(self) -> Self:
        if len({planned.identity for planned in self.cells}) < len(self.cells):
            raise ValueError("a cell is planned twice")
        if len({part.run for part in self.merged}) < len(self.merged):
            raise ValueError("a run is merged twice")
        if self.merged and {i for part in self.merged for i in part.cells} != {p.identity for p in self.cells}:
            raise ValueError("the cells are not those of the merged runs")
        return self

    @property
    def suites(self) -> list[Suite]:
        """Every suite that took part, each once: of one that was run several times, each form it had."""
        return _each_once([part.suite for part in self.merged]) or [self.suite]

    def blocks(self) -> list[list[PlannedCell]]:
        """Cells grouped by what they are compared in; their processes are interleaved."""
        grouped: dict[str, list[PlannedCell]] = {}
        for planned in self.cells:
            grouped.setdefault(planned.cell.block, []).append(planned)
        return list(grouped.values())


def _each_once(suites: Iterable[Suite]) -> list[Suite]:
    found: list[Suite] = []
    for suite in suites:
        if suite not in found:
            found.append(suite)
    return found
