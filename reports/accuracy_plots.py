"""Accuracy against latency, and against the length of test examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from reports.accuracy import Contest, contests
from reports.accuracy_summary import heading
from reports.answers import answers
from reports.axes import tick
from reports.entrants import Entrant
from reports.format import listed
from reports.looks import Look, Plot, looks, slug, write_figure
from suites.results import Results

_BASELINE = "0.35"


def write_accuracy_plots(results: Results, folder: Path) -> dict[str, list[Plot]]:
    """The figures of each contest by its heading: accuracy against latency where two entrants have both, and against
    length where several lengths were tested."""
    group = answers(results)
    among, seen = contests(results, group), looks(group)
    return {heading(contest, among): _of_contest(contest, heading(contest, among), seen, folder) for contest in among}


def _of_contest(contest: Contest, title: str, seen: Mapping[str, Look], folder: Path) -> list[Plot]:
    plots, name = [], slug(title)
    timed = [entrant for entrant in contest.entrants if entrant.accuracy and entrant.typical("latency")]
    if len(timed) > 1:
        plots.append(_against_latency(contest, title, timed, seen, folder / f"accuracy-latency-{name}"))
    if len(contest.lengths) > 1:
        plots.append(_against_length(contest, title, seen, folder / f"accuracy-length-{name}"))
    return plots


def _against_latency(
    contest: Contest, title: str, timed: Sequence[Entrant], seen: Mapping[str, Look], path: Path
) -> Plot:
    def paint(axes: Axes) -> None:
        for entrant in timed:
            _point(axes, entrant, seen[entrant.cells[0].series])
        axes.set_xscale("log")
        axes.margins(x=0.12, y=0.12)
        low, high = axes.get_xlim()
        decades = math.log10(high / low)
        steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1 else (1.0, 2.0, 5.0) if decades < 2 else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: tick(seconds, "s")))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"latency, batch {contest.workload.batch}")
        _finish(axes, contest)

    said = [f"{e.name} {100 * e.accuracy.value:.1f} %" for e in timed if e.accuracy]
    heading = f"Accuracy against latency ({title})"
    return write_figure(path, heading, f"{heading}. {listed(said)}.", paint)


def _point(axes: Axes, entrant: Entrant, look: Look) -> None:
    """A marker with both intervals."""
    accuracy, latency = entrant.accuracy, entrant.typical("latency")
    assert accuracy and latency
    axes.errorbar(
        [latency.value],
        [accuracy.value],
        xerr=[[latency.value - latency.low], [latency.high - latency.value]],
        yerr=[[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]],
        color=look.colour,
        marker=look.marker,
        markersize=9,
        markeredgecolor="white",
        linestyle="none",
        label=entrant.name,
    )


def _against_length(contest: Contest, title: str, seen: Mapping[str, Look], path: Path) -> Plot:
    trained = contest.workload.input_size

    def paint(axes: Axes) -> None:
        for entrant in contest.entrants:
            _line(axes, contest, entrant, seen[entrant.cells[0].series])
        axes.axvline(trained, color="0.6", linewidth=1, linestyle=":", zorder=1)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator([float(length) for length in contest.lengths]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda length, _: f"{length:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(f"test length in {contest.workload.unit}; dotted: {trained:,}, as trained")
        axes.set_ylim(-0.02, 1.02)
        _finish(axes, contest)

    ends = contest.lengths[0], contest.lengths[-1]
    said = []
    for entrant in contest.entrants:
        found = [f"{100 * share.value:.1f} %" for share in map(entrant.at, ends) if share]
        said += [f"{entrant.name} from {' to '.join(found)}"] if len(found) == len(ends) else []
    heading = f"Accuracy against test length ({title})"
    alt = f"{heading}, {ends[0]:,} to {ends[1]:,} {contest.workload.unit}. {listed(said)}."
    return write_figure(path, heading, alt, paint)


def _line(axes: Axes, contest: Contest, entrant: Entrant, look: Look) -> None:
    """A line with its interval as a band."""
    found = [(length, share) for length in contest.lengths if (share := entrant.at(length))]
    if not found:
        return
    lengths, shares = [length for length, _ in found], [share for _, share in found]
    axes.plot(
        lengths,
        [share.value for share in shares],
        color=look.colour,
        marker=look.marker,
        linestyle=look.dashes,
        markersize=7,
        markeredgecolor="white",
        label=entrant.name,
    )
    low, high = [share.low for share in shares], [share.high for share in shares]
    axes.fill_between(lengths, low, high, color=look.colour, alpha=0.2, linewidth=0)


def _finish(axes: Axes, contest: Contest) -> None:
    """The baseline, the axis of accuracy and the legend."""
    if contest.card:
        name = f"baseline: {contest.card.baseline}"
        axes.axhline(
            contest.card.baseline_accuracy, color=_BASELINE, linewidth=1.2, linestyle="--", zorder=1, label=name
        )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.set_ylabel("accuracy on test examples, with 95 % interval")
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, alignment="left", fontsize=9)
