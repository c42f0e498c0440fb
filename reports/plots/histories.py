"""How each model of a contest learnt, epoch by epoch, as far as its cells have kept it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.accuracy.entrants import Entrant
from reports.format import listed
from reports.plots.labels import shortened
from suites.history import Epoch, read_history
from suites.results import Results
from suites.tasks.errors import DataError


@dataclass(frozen=True)
class Training:
    """What is known of how one entrant learnt."""

    entrant: Entrant
    seeds: dict[int, tuple[Epoch, ...]]
    """By seed; those that have at least one whole epoch."""

    @property
    def first(self) -> tuple[Epoch, ...]:
        """The history of the first seed."""
        return next(iter(self.seeds.values()))


def training_of(results: Results, entrant: Entrant) -> Training:
    """The histories of an entrant's seeds, those that are there and can be read."""
    seeds = {}
    for cell in entrant.cells:
        try:
            epochs = read_history(results.kept(cell.record)) if cell.record else ()
        except DataError:
            continue
        if epochs:
            seeds[cell.cell.seed] = epochs
    return Training(entrant, seeds)


def without(missing: Sequence[str]) -> str:
    """A remark on those whose history is not there; empty where there are none."""
    return f"no history of {listed([shortened(name, 30) for name in missing])}" if missing else ""
