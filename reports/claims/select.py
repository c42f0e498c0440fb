"""The cells that a claim speaks of, and which of two sides' cells are alike enough to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reports.answers import Answer
from reports.claims.claim import COLUMNS, Scalar, Wanted, nearest
from reports.naming import learning_key
from suites.task_workload import TaskWorkload

Selected = Mapping[str, Wanted]

_SIZES = ("tokens", "height", "width", "length")
_ALIKE = ("task", *_SIZES, "channels", "mode", "batch", "device", "runtime", "precision", "layout", "fuse", "threads")
"""Columns in which both sides of a pair are equal, unless a side says otherwise."""
_IN_BLOCK = {"task", *_SIZES, "channels", "mode", "batch", "device", "threads"}
"""Columns that cells timed side by side share."""

_OF_TASK = {"task": "task", "classes": "classes"}
_OF_WORKLOAD = {"tokens", "mode", "batch", "layout", "fuse"}
_OF_PLAN = {"family", "size_class"}
_OF_ANSWER = {"series", "setting"}


def column(answer: Answer, name: str) -> Scalar | None:
    """A cell's value in a column of ``COLUMNS``; None where it has none."""
    workload = answer.cell.workload
    found: Any
    if name in _OF_TASK:
        found = getattr(workload, name) if isinstance(workload, TaskWorkload) else None
    elif name in _OF_WORKLOAD:
        found = getattr(workload, name)
    elif name in _OF_PLAN:
        found = getattr(answer.planned, name)
    elif name in _OF_ANSWER:
        found = getattr(answer, name)
    elif name in workload.dimensions or name in (*_SIZES, "channels"):
        found = workload.dimensions.get(name)
    else:
        found = getattr(answer.cell, name)
    return cast("Scalar", found) if isinstance(found, COLUMNS[name]) else None


def chosen(cells: Iterable[Answer], *selections: Selected) -> list[Answer]:
    """Cells that every selection wants."""
    wanted = [item for selection in selections for item in selection.items()]
    return [cell for cell in cells if all(want.holds(column(cell, name)) for name, want in wanted)]


@dataclass(frozen=True)
class Entry:
    """One model in one variant, size and setting: its cells over the seeds."""

    cells: tuple[Answer, ...]

    @property
    def name(self) -> str:
        """The model, and what tells it from others in its setting."""
        return self.cells[0].entrant

    @property
    def first(self) -> Answer:
        """Any of the cells: they differ by seed alone."""
        return self.cells[0]

    @property
    def size(self) -> str:
        """The input's size with its unit."""
        return f"{self.first.size} {self.first.cell.workload.unit}"


def entries(cells: Iterable[Answer]) -> list[Entry]:
    """Cells, those that differ by seed alone as one."""
    grouped: dict[tuple[str, ...], list[Answer]] = {}
    for cell in cells:
        grouped.setdefault((cell.entrant, cell.setting, cell.size), []).append(cell)
    return [Entry(tuple(found)) for found in grouped.values()]


@dataclass(frozen=True)
class Pair:
    """Two entries that differ in what the claim is about, and in nothing else."""

    ours: Entry
    theirs: Entry
    side_by_side: bool
    """Whether they can have been timed side by side; not where the sides differ in size, device or the like."""


def pairs(ours: Sequence[Entry], theirs: Sequence[Entry], pinned: set[str]) -> list[Pair]:
    """Every entry of ours with each of theirs that is like it in all columns but those ``pinned`` by a side."""
    place = placer(pinned)
    there: dict[tuple[object, ...], list[Entry]] = {}
    for entry in theirs:
        there.setdefault(place(entry), []).append(entry)
    return [
        Pair(own, other, side_by_side=not pinned & _IN_BLOCK)
        for own in ours
        for other in there.get(place(own), ())
        if own.cells != other.cells
    ]


def placer(pinned: Iterable[str]) -> Callable[[Entry], tuple[object, ...]]:
    """What an entry shares with all that it may be compared with."""
    free = set(pinned)
    if free & set(_SIZES):
        free |= set(_SIZES)
    columns = [name for name in _ALIKE if name not in free]
    classes = not free & {"model", "series", "size_class"}

    def place(entry: Entry) -> tuple[object, ...]:
        cell = entry.first
        return (
            *(column(cell, name) for name in columns),
            cell.planned.size_class if classes else None,
            None if "task" in free or "tokens" in free else learning_key(cell.cell),
            cell.cell.workload.source,
            cell.machine if "device" not in free else None,
        )

    return place


def in_words(*selections: Selected) -> str:
    """Selections for people: `model vio_tiny, mode forward, tokens from 1,024`."""
    return ", ".join(f"{name} {_in_words(want)}" for selection in selections for name, want in selection.items())


def _in_words(want: Wanted) -> str:
    if want.one_of:
        return " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in want.one_of)
    low = [f"from {want.at_least:,g}"] if want.at_least is not None else []
    high = [f"up to {want.at_most:,g}"] if want.at_most is not None else []
    return " ".join(low + high)


def nothing_chosen(cells: Sequence[Answer], *selections: Selected) -> str:
    """Why no cell was chosen: a model that the run does not have is named, with its nearest."""
    models = {cell.cell.model for cell in cells}
    for selection in selections:
        for name in selection["model"].one_of if "model" in selection else ():
            if name not in models:
                near = nearest(str(name), models)
                return f"this run has no {name}" + (f"; {near}" if near.startswith("did") else "")
    return f"this run has no cell with {in_words(*selections)}"
