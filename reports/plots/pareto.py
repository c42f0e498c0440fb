"""Accuracy against what it costs, latency, params and peak memory, with the Pareto frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.accuracy.contests import Contest, contests
from reports.accuracy.entrants import Entrant, Typical
from reports.accuracy.seeds import Share
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.format import figure, listed
from reports.metrics import label
from reports.plots.axes import cost_axis
from reports.plots.labels import draw_legend, wrapped
from reports.plots.looks import INK, MUTED, PAPER, Look, Plot, looks, slug, write_figure
from suites.results import Results
from suites.task_axes import SimpleModel

MEMORY = ("peak_tensor_bytes", "peak_allocated", "peak_rss")
"""Figures of peak memory; the first that two entrants have is drawn."""


@dataclass(frozen=True)
class Point:
    """An entrant with both figures."""

    entrant: Entrant
    cost: Typical
    accuracy: Share
    sound: bool
    """Whether its cost may be compared: no seed's cell failed or was unstable after it was measured."""


def write_pareto_plots(results: Results, folder: Path) -> list[Plot]:
    """The figures of every contest; none where fewer than two entrants have both figures."""
    group = answers(results)
    among, seen = contests(results, group), looks(group)
    return [plot for contest in among for plot in draw_pareto(contest, heading(contest, among), seen, folder)]


def draw_pareto(contest: Contest, title: str, seen: Mapping[str, Look], folder: Path) -> list[Plot]:
    """One contest: accuracy against latency, against params and against peak memory."""
    found = {metric: points_of(contest, metric) for metric in ("latency", "params", *MEMORY)}
    memory = next((metric for metric in MEMORY if len(found[metric]) > 1), MEMORY[0])
    return [
        _draw(contest, metric, found[metric], title, seen, folder / f"accuracy-{metric}-{slug(title)}")
        for metric in ("latency", "params", memory)
        if len(found[metric]) > 1
    ]


def points_of(contest: Contest, metric: str) -> list[Point]:
    """The entrants that have an accuracy and a positive ``metric``, most accurate first."""
    points = []
    for entrant in contest.entrants:
        accuracy, cost = entrant.accuracy, entrant.typical(metric)
        if accuracy and cost and cost.low > 0:
            measured = [cell for cell in entrant.cells if metric in cell.figures]
            exact = all(cell.figures[metric].exact for cell in measured)
            points.append(Point(entrant, cost, accuracy, exact or all(metric in c.comparable for c in measured)))
    return sorted(points, key=lambda point: -point.accuracy.value)


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of (cost, accuracy) nothing else beats: no other costs as little and is as accurate, and better in one.

    Indices by rising cost.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    found: list[int] = []
    for i in order:
        if not found or points[i][1] > points[found[-1]][1] or points[i] == points[found[-1]]:
            found.append(i)
    return found


def _draw(
    contest: Contest, metric: str, points: Sequence[Point], title: str, seen: Mapping[str, Look], path: Path
) -> Plot:
    sound = [point for point in points if point.sound]
    best = [sound[i] for i in frontier([(point.cost.value, point.accuracy.value) for point in sound])]
    name = label(metric)

    def paint(axes: Axes) -> None:
        handles: list[Any] = [_point(axes, point, seen[point.entrant.name]) for point in points]
        texts = [_in_legend(point, name) for point in points]
        for kind, simple in contest.card.simple.items() if contest.card else ():
            handles.append(simple_line(axes, kind, simple))
            texts.append(simple_in_legend(kind, simple))
        axes.margins(y=0.12)
        cost_axis(axes, points[0].cost.unit)
        if best:
            handles.append(_staircase(axes, best))
            texts.append("Pareto frontier\nnothing else here is as accurate for as little")
        axes.set_xlabel(f"{name}, batch {contest.workload.batch}" if metric == "latency" else name)
        accuracy_axis(axes)
        draw_legend(axes, handles, texts, title="most accurate first")

    heading = f"Accuracy against {name} ({title})"
    said = [f"{p.entrant.name} {_percent(p.accuracy.value)} at {figure(p.cost.value, p.cost.unit)}" for p in points]
    alt = f"{heading}: {listed(said)}. "
    alt += f"On the Pareto frontier: {listed([point.entrant.name for point in best])}." if best else ""
    shaky = [point.entrant.name for point in points if not point.sound]
    alt += f" Unstable, so not compared: {listed(shaky)}." if shaky else ""
    names = [point.entrant.name for point in points]
    return write_figure(path, heading, alt.strip(), paint, kind="pareto", shows=names)


def _point(axes: Axes, point: Point, look: Look) -> Line2D:
    """A marker with both intervals, hollow where the cost is not sound; returns what a legend shows."""
    cost, accuracy = point.cost, point.accuracy
    axes.errorbar(
        [cost.value],
        [accuracy.value],
        xerr=[[cost.value - cost.low], [cost.high - cost.value]],
        yerr=[[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]],
        color=look.colour,
        linewidth=1.4,
        linestyle="none",
        zorder=2,
    )
    inside, rim, width = (look.colour, PAPER, 0.8) if point.sound else (PAPER, look.colour, 1.6)
    style: dict[str, Any] = {
        "marker": look.marker, "markersize": 9, "markerfacecolor": inside, "markeredgecolor": rim,
        "markeredgewidth": width, "linestyle": "none", "zorder": 4,
    }  # fmt: skip
    axes.plot([cost.value], [accuracy.value], **style)
    return Line2D([], [], **style)


def _in_legend(point: Point, name: str) -> str:
    said = f"{_percent(point.accuracy.value)}, {figure(point.cost.value, point.cost.unit)}"
    shaky = "" if point.sound else f"\nhollow: {name} unstable, not compared"
    return f"{wrapped(point.entrant.name)}\n{said}{shaky}"


def _staircase(axes: Axes, best: Sequence[Point]) -> Line2D:
    """The best accuracy at each cost, to the right side of the axes."""
    right = axes.get_xlim()[1]
    costs = [*(point.cost.value for point in best), right]
    shares = [*(point.accuracy.value for point in best), best[-1].accuracy.value]
    (line,) = axes.plot(costs, shares, color=MUTED, linewidth=1.6, drawstyle="steps-post", zorder=1.5, alpha=0.8)
    return line


def simple_line(axes: Axes, kind: str, simple: SimpleModel) -> Line2D:
    """The accuracy of a task's simple baseline, dashed, or of a shortcut, dash-dotted."""
    style = "--" if kind == "baseline" else "-."
    return axes.axhline(simple.accuracy, color=INK, linewidth=1.2, linestyle=style, zorder=1)


def simple_in_legend(kind: str, simple: SimpleModel) -> str:
    """What the line is, with its accuracy."""
    return "\n".join([f"{kind}: {_percent(simple.accuracy)}", wrapped(simple.name)])


def accuracy_axis(axes: Axes) -> None:
    """The y-axis in percent, its upper end not far beyond 100 %."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(high, 1.0 + 0.03 * (1.0 - low)))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %" if share < 1 + 1e-9 else "")
    axes.set_ylabel("accuracy on test examples, with 95 % interval")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
