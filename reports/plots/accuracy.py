"""The figures of each contest: accuracy against what it costs, and against the length of test examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.accuracy.contests import Contest, contests
from reports.accuracy.entrants import Entrant
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.format import listed
from reports.plots.labels import draw_legend, wrapped
from reports.plots.looks import MUTED, PAPER, Look, Plot, looks, slug, write_figure
from reports.plots.pareto import accuracy_axis, draw_pareto, simple_in_legend, simple_line
from suites.results import Results


def write_accuracy_plots(results: Results, folder: Path) -> dict[str, list[Plot]]:
    """The figures of each contest by its heading: those of `pareto`, and accuracy against length where several lengths
    were tested."""
    group = answers(results)
    among, seen = contests(results, group), looks(group)
    return {heading(contest, among): draw_accuracy(contest, heading(contest, among), seen, folder) for contest in among}


def draw_accuracy(contest: Contest, title: str, seen: Mapping[str, Look], folder: Path) -> list[Plot]:
    """Of one contest."""
    plots = draw_pareto(contest, title, seen, folder)
    if len(contest.lengths) > 1:
        plots.append(_against_length(contest, title, seen, folder / f"accuracy-length-{slug(title)}"))
    return plots


def _against_length(contest: Contest, title: str, seen: Mapping[str, Look], path: Path) -> Plot:
    trained, ends = contest.workload.input_size, (contest.lengths[0], contest.lengths[-1])
    shown = [entrant for entrant in contest.entrants if any(entrant.at(length) for length in contest.lengths)]

    def paint(axes: Axes) -> None:
        handles = [_line(axes, contest, entrant, seen[entrant.name]) for entrant in shown]
        texts = [wrapped(entrant.name) for entrant in shown]
        for kind, simple in contest.card.simple.items() if contest.card else ():
            handles.append(simple_line(axes, kind, simple))
            texts.append(simple_in_legend(kind, simple))
        axes.axvline(trained, color=MUTED, linewidth=1, linestyle=":", zorder=1)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator([float(length) for length in contest.lengths]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda length, _: f"{length:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(f"test length in {contest.workload.unit}; dotted: {trained:,}, as trained")
        axes.set_ylim(-0.02, 1.02)
        accuracy_axis(axes)
        draw_legend(axes, handles, texts)

    said = []
    for entrant in shown:
        found = [f"{100 * share.value:.1f} %" for share in map(entrant.at, ends) if share]
        said += [f"{entrant.name} from {' to '.join(found)}"] if len(found) == len(ends) else []
    heading = f"Accuracy against test length ({title})"
    alt = f"{heading}, {ends[0]:,} to {ends[1]:,} {contest.workload.unit}. {listed(said)}."
    return write_figure(path, heading, alt, paint, kind="length", shows=[entrant.name for entrant in shown])


def _line(axes: Axes, contest: Contest, entrant: Entrant, look: Look) -> Line2D:
    """A line with its interval as a band."""
    found = [(length, share) for length in contest.lengths if (share := entrant.at(length))]
    lengths, shares = [length for length, _ in found], [share for _, share in found]
    (line,) = axes.plot(
        lengths,
        [share.value for share in shares],
        color=look.colour,
        marker=look.marker,
        linestyle=look.dashes,
        markersize=7,
        markeredgecolor=PAPER,
    )
    low, high = [share.low for share in shares], [share.high for share in shares]
    axes.fill_between(lengths, low, high, color=look.colour, alpha=0.2, linewidth=0)
    return line
