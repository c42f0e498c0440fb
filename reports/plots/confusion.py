"""What each model takes for what: a confusion matrix, or where there are many classes the pairs it confuses most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.accuracy.confusion import Confused, confusion_matrix, most_confused
from reports.accuracy.contests import Contest, contests, predictions
from reports.accuracy.entrants import Entrant
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.format import counted, listed
from reports.plots.heat_map import HeatCell, draw_cells, hue, label_cells
from reports.plots.labels import shortened
from reports.plots.looks import Plot, slug, write_figure
from suites.predictions import Array
from suites.results import Results

MOST_CLASSES = 20
"""Classes up to which a matrix can be read."""
_PAIRS = 15
_STEPS = 8
"""Colours from none of a class's samples to all."""


def write_confusion_plots(results: Results, folder: Path) -> list[Plot]:
    """One an entrant whose answers to the test examples are there; none where it has not confused any classes."""
    among = contests(results, answers(results))
    return [plot for contest in among for plot in draw_confusion(results, contest, heading(contest, among), folder)]


def draw_confusion(results: Results, contest: Contest, title: str, folder: Path) -> list[Plot]:
    """One contest: a figure an entrant, over all its seeds together."""
    plots = []
    for number, entrant in enumerate(contest.entrants, 1):
        answered = predictions(results, entrant, [])
        try:
            matrix = confusion_matrix(answered.values(), contest.workload.classes)
        except ValueError:
            continue
        path = folder / f"confusion-{slug(title)}-{number}-{slug(entrant.name)}"
        if len(answered) and len(matrix) <= MOST_CLASSES:
            plots.append(_matrix(contest, entrant, matrix, len(answered), title, path))
        elif most_confused(matrix, 1):
            plots.append(_pairs(contest, entrant, matrix, len(answered), title, path))
    return plots


def _matrix(contest: Contest, entrant: Entrant, matrix: Array, seeds: int, title: str, path: Path) -> Plot:
    names, classes = _names(contest, 14), len(matrix)
    of = matrix.sum(axis=1)
    small = classes > 12

    def paint(axes: Axes) -> None:
        cells = [[_cell(matrix[r, c], of[r], right=r == c) for c in range(classes)] for r in range(classes)]
        draw_cells(axes, cells, fontsize=7 if small else 9, gap=0.8)
        rows = {i: f"{name}  ({of[i]:,})" for i, name in enumerate(names)}
        label_cells(axes, dict(enumerate(names)), rows, fontsize=7 if small else 9)
        axes.set_aspect("equal")
        axes.set_xlabel("answer", fontsize=9)
        axes.set_ylabel("right class (its samples)", fontsize=9)
        axes.text(
            0, -0.03, "% of the class's samples, blue where right; blank: none, <1: under half a percent",
            transform=axes.transAxes, fontsize=8, va="top",
        )  # fmt: skip

    name = f"What {entrant.name} answered ({title}{_over(seeds)})"
    side = 2.2 + (0.34 if small else 0.45) * max(classes, 5)
    return write_figure(
        path, name, _alt(contest, name, matrix), paint, size=(max(7.0, side + 1.4), side), kind="confusion",
        shows=[entrant.name],
    )  # fmt: skip


def _cell(count: int, of: int, *, right: bool) -> HeatCell:
    if not count:
        return HeatCell()
    share = count / of
    level = max(1, round(share**0.5 * _STEPS))  # few errors must not look like none
    colour = matplotlib.colormaps["Blues" if right else "Oranges"](0.1 + 0.75 * level / _STEPS)
    return HeatCell(f"{100 * share:.0f}" if share >= 0.005 else "<1", hue(colour))


def _pairs(contest: Contest, entrant: Entrant, matrix: Array, seeds: int, title: str, path: Path) -> Plot:
    found, names = most_confused(matrix, _PAIRS), _names(contest, 24)

    def paint(axes: Axes) -> None:
        height = list(range(len(found)))
        axes.barh(height, [pair.count for pair in found], color=hue(matplotlib.colormaps["Oranges"](0.55)))
        for y, pair in zip(height, found, strict=True):
            axes.annotate(
                f"{100 * pair.count / pair.of:.0f} % of {pair.of:,}", (pair.count, y), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axes.set_yticks(height, labels=[f"{names[pair.right]} → {names[pair.taken_for]}" for pair in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_xlim(0, 1.18 * found[0].count)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("samples of the first class that were taken for the second")
        axes.grid(axis="y", visible=False)

    wrong = int(matrix.sum() - matrix.trace())
    shown = sum(pair.count for pair in found)
    name = f"What {entrant.name} confuses most ({title}{_over(seeds)})"
    alt = f"{_alt(contest, name, matrix)} The {counted(len(found), 'pair')} shown make {shown:,} of {wrong:,} errors."
    size = (9.5, 1.4 + 0.3 * max(4, len(found)))
    return write_figure(path, name, alt, paint, size=size, kind="confusion", shows=[entrant.name])


def _names(contest: Contest, width: int) -> list[str]:
    """Of every class; its number where the plan does not say, and before names that are the same once shortened."""
    told = contest.card.classes if contest.card else []
    names = [shortened(name, width) for name in told[: contest.workload.classes]]
    alike = {name for name in names if names.count(name) > 1}
    names = [f"{i}: {shortened(told[i], width - 4)}" if name in alike else name for i, name in enumerate(names)]
    return names + [str(index) for index in range(len(names), contest.workload.classes)]


def _over(seeds: int) -> str:
    return f"; {seeds} seeds together" if seeds > 1 else ""


def _alt(contest: Contest, name: str, matrix: Array) -> str:
    """How many were right, and what was confused most."""
    right, total = int(matrix.trace()), int(matrix.sum())
    names = _names(contest, 40)
    said = [_in_words(pair, names) for pair in most_confused(matrix, 3)]
    most = f" Most often {listed(said)}." if said else ""
    return f"{name}: {right:,} of {total:,} right.{most}"


def _in_words(pair: Confused, names: Sequence[str]) -> str:
    return f"{names[pair.right]} was taken for {names[pair.taken_for]} ({pair.count:,} of {pair.of:,})"
