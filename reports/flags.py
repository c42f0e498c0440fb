"""Warnings, grouped: a mark where the figure stands, and each kind explained once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reports.answers import Answer
from reports.format import counted
from reports.metrics import label
from suites.record import MeasurementWarning

_LETTERS = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"


@dataclass
class Flag:
    """All warnings of one kind about one metric."""

    mark: str
    kind: str
    metric: str
    advice: str
    message: str
    """The first warning's sentence: an example where there are several."""
    cells: list[Answer] = field(default_factory=list)
    """The cells it was raised in."""

    @property
    def about(self) -> str:
        """What it weakens."""
        return "the whole row" if self.metric == "*" else label(self.metric)

    @property
    def where(self) -> str:
        """The cells in few words: every series with its sizes."""
        return places(self.cells)


class Flags:
    """The flags of a run, and the marks of each figure."""

    def __init__(self, group: Iterable[Answer]) -> None:
        self._flags: dict[tuple[str, str, str], Flag] = {}
        for answer in group:
            for warning in answer.record.warnings if answer.record else ():
                self._add(answer, warning)

    def _add(self, answer: Answer, warning: MeasurementWarning) -> None:
        key = (warning.kind, warning.metric, warning.advice)
        if key not in self._flags:
            self._flags[key] = Flag(_mark(len(self._flags)), *key, warning.message)
        self._flags[key].cells.append(answer)

    def __iter__(self) -> Iterator[Flag]:
        return iter(self._flags.values())

    def marks(self, answer: Answer, metric: str) -> str:
        """The marks of a figure with a space before them; `*` gives those of the whole row; empty without warnings."""
        found = [self._flags[w.kind, w.metric, w.advice].mark for w in answer.warnings(metric)]
        return "".join(f" {mark}" for mark in dict.fromkeys(found))


def _mark(index: int) -> str:
    first, second = divmod(index, len(_LETTERS))
    return (_LETTERS[first - 1] if first else "") + _LETTERS[second]


def places(cells: Sequence[Answer]) -> str:
    """Cells in few words: `vit_tiny_patch16_224 (128, 224 px)`, several series joined by `; `."""
    sizes: dict[tuple[str, str], list[str]] = {}
    for answer in cells:
        sizes.setdefault((answer.series, answer.cell.workload.unit), []).append(answer.size)
    return "; ".join(f"{series} ({_few(list(dict.fromkeys(found)))} {unit})" for (series, unit), found in sizes.items())


def _few(sizes: Sequence[str]) -> str:
    return ", ".join(sizes) if len(sizes) <= 6 else f"{sizes[0]} to {sizes[-1]}, {counted(len(sizes), 'size')}"
