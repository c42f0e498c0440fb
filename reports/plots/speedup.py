"""Heat maps of latency over the reference's, models by sizes: where each model is faster, and where nobody can say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes

from reports.answers import Answer, answers
from reports.format import figure, listed
from reports.plots.heat_map import HeatCell, draw_cells, hue, label_cells
from reports.plots.labels import wrapped
from reports.plots.looks import MUTED, Plot, slug, write_figure
from reports.ratios import Ratio, ratio, references
from suites.results import Results

_MOST = 4.0
"""Doublings beyond which the colour grows no darker: 16 times."""
_LEVELS = 17
"""Colours of the scale, an odd number so that one stands for 1."""
_NEUTRAL = "#ededee"


def write_speedup_plots(results: Results, folder: Path) -> list[Plot]:
    """One a device, setting and machine in which models are compared at two sizes or more.

    Rows are series, columns sizes. Where no setting has two sizes, settings of one device are the columns instead.
    """
    group = _first_seeds(answers(results))
    compared = references(group)
    tables = [table for table in _tables(group, compared) if table.says_something]
    return [
        table.write(folder / ("speedup" + (f"-{slug(table.place)}" if len(tables) > 1 else ""))) for table in tables
    ]


def _first_seeds(group: Sequence[Answer]) -> list[Answer]:
    """One seed a task: what is timed is untrained."""
    first: dict[tuple[str, str], int] = {}
    for answer in group:
        first.setdefault((answer.entrant, answer.setting), answer.cell.seed)
    return [answer for answer in group if answer.cell.seed == first[answer.entrant, answer.setting]]


def _tables(group: Sequence[Answer], compared: Mapping[str, Answer]) -> list[_Table]:
    by_setting: dict[str, list[Answer]] = {}
    for answer in group:
        by_setting.setdefault(answer.setting, []).append(answer)
    if all(len({answer.size for answer in cells}) == 1 for cells in by_setting.values()):
        by_device: dict[str, list[Answer]] = {}
        for answer in group:
            by_device.setdefault(_device(answer), []).append(answer)
        return [_Table(place, cells, compared, by_size=False) for place, cells in by_device.items()]
    return [_Table(place, cells, compared, by_size=True) for place, cells in by_setting.items()]


def _device(answer: Answer) -> str:
    """A setting without what its workload says."""
    return ", ".join(part for part in _parts(answer.setting) if part not in _parts(answer.cell.workload.setting))


def _parts(setting: str) -> list[str]:
    return setting.split(", ")


class _Table:
    """The rows and columns of one figure."""

    def __init__(self, place: str, cells: Sequence[Answer], compared: Mapping[str, Answer], *, by_size: bool) -> None:
        self.by_size = by_size
        settings = [_parts(answer.cell.workload.setting) for answer in cells]
        self.shared = [part for part in settings[0] if all(part in other for other in settings)]
        self.place = place if by_size else ", ".join([place, *self.shared])
        self.unit = cells[0].cell.workload.unit
        ordered = sorted(cells, key=lambda answer: answer.cell.workload.tokens) if by_size else cells
        self.columns = list(dict.fromkeys(self._column(answer) for answer in ordered))
        self.cells = {(answer.entrant, self._column(answer)): answer for answer in cells}
        self.reference = {a.entrant: compared[a.key].entrant for a in cells if a.key in compared}
        self.ratios = {
            place: found
            for place, answer in self.cells.items()
            if (found := ratio(answer, compared[answer.key], "latency") if answer.key in compared else None)
        }
        self.rows = sorted(dict.fromkeys(answer.entrant for answer in cells), key=self._rank)

    def _column(self, answer: Answer) -> str:
        if self.by_size:
            return answer.size
        own = [part for part in _parts(answer.cell.workload.setting) if part not in self.shared]
        return ", ".join(own) or answer.size

    def _rank(self, row: str) -> tuple[str, bool, float]:
        """By reference, which comes first, then by the mean of the ratios' logarithms."""
        own = [math.log(found.value) for (name, _), found in self.ratios.items() if name == row]
        reference = self.reference.get(row, "\uffff")
        return reference, reference != row, sum(own) / len(own) if own else math.inf

    @property
    def says_something(self) -> bool:
        """Whether any row is compared with another, at more than one place: a single column is a table."""
        return len(self.columns) > 1 and any(self.reference[row] != row for row, _ in self.ratios)

    def write(self, path: Path) -> Plot:
        """Draw it."""
        title = f"Latency over that of {self._of_reference} ({self.place})"
        most = min(_MOST, max([1.0, *(abs(math.log2(found.value)) for found in self.ratios.values())]))

        def paint(axes: Axes) -> None:
            draw_cells(axes, [[self._cell(row, column, most) for column in self.columns] for row in self.rows])
            columns = [f"{column} {self.unit}" if self.by_size else wrapped(column, 16) for column in self.columns]
            label_cells(axes, dict(enumerate(columns)), {i: wrapped(row, 30, 2) for i, row in enumerate(self.rows)})
            axes.set_aspect("auto")
            for side in axes.spines.values():
                side.set_visible(False)
            axes.set_xlabel("\n".join(self._legend), fontsize=8, color=MUTED, loc="left")
            axes.xaxis.set_label_position("bottom")
            _scale(axes, most)

        size = (min(16.0, max(9.5, 3.2 + 0.95 * len(self.columns))), 2.0 + 0.42 * max(2, len(self.rows)))
        return write_figure(path, title, self._alt(title), paint, size=size, kind="speedup", shows=self.rows)

    @property
    def _of_reference(self) -> str:
        found = list(dict.fromkeys(self.reference.values()))
        return found[0] if len(found) == 1 else "the reference of its class and variant"

    def _cell(self, row: str, column: str, most: float) -> HeatCell:
        answer, found = self.cells.get((row, column)), self.ratios.get((row, column))
        if answer is None:
            return HeatCell()
        latency = answer.figures.get("latency")
        shown = figure(latency.value, latency.unit) if latency else ""
        if self.reference.get(row) == row and found:
            return HeatCell(shown, hue(_NEUTRAL), bold=True)
        if found is None:
            return HeatCell(answer.status if answer.status != "ok" else shown or "–", hatched=True)
        return HeatCell(_text(found), _colour(found.value, most))

    @property
    def _legend(self) -> list[str]:
        said = ["below 1 is faster than the reference; its own row, in bold, is in absolute time"]
        others = [f for (row, _), f in self.ratios.items() if self.reference[row] != row]
        if any(found.low is not None and not found.differs for found in others):
            said.append("≈ the 95 % interval holds 1: can't be told from the reference")
        if any(found.low is None for found in others):
            said.append("? too few samples for an interval")
        if any((row, column) not in self.ratios for row, column in self.cells):
            said.append("hatched: no ratio; its status, or its own latency where the reference beside it has none")
        return said

    def _alt(self, title: str) -> str:
        said = []
        for row in self.rows:
            own = [(column, self.ratios[row, column]) for column in self.columns if (row, column) in self.ratios]
            if own and self.reference[row] != row:
                said.append(f"{row} {listed([f'{_text(found)} at {column}' for column, found in own])}")
        failed = [f"{row} at {column} {a.status}" for (row, column), a in self.cells.items() if a.status != "ok"]
        said += [f"Not measured: {listed(failed)}"] if failed else []
        return f"{title}, by {self.unit if self.by_size else 'setting'}. {'; '.join(said)}."


def _text(found: Ratio) -> str:
    mark = " ?" if found.low is None else ""
    return ("" if found.differs or mark else "≈ ") + _two_digits(found.value) + mark


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.5 else f"{value:#.2g}".rstrip(".")


def _colour(value: float, most: float) -> str:
    """Blue below 1, red above, by the logarithm."""
    share = max(-1.0, min(1.0, math.log2(value) / most)) if value > 0 else -1.0
    level = round((share + 1) / 2 * (_LEVELS - 1))
    return hue(matplotlib.colormaps["RdBu_r"].resampled(_LEVELS)(level))


def _scale(axes: Axes, most: float) -> None:
    """The colours, from faster to slower, beside the cells."""
    bar = axes.inset_axes((1.03, 0.0, 0.025, 1.0))
    draw_cells(bar, [[HeatCell(colour=_colour(2 ** (most * (1 - 2 * i / 16)), most))] for i in range(_LEVELS)])
    whole = math.floor(most)
    ticks = {8 - 8 * power / most: power for power in range(-whole, whole + 1)}
    bar.yaxis.tick_right()
    bar.set_yticks(list(ticks), labels=[_power(power) for power in ticks.values()], fontsize=8)
    bar.set_xticks([])
    bar.tick_params(length=0)
    for side in bar.spines.values():
        side.set_visible(False)


def _power(power: int) -> str:
    return f"{2**power}×" if power >= 0 else f"1/{2**-power}×"
