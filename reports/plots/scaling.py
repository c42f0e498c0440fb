"""Log-log plots of how a figure grows with sequence length, one figure a metric and setting, as SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.answers import Answer, answers
from reports.format import listed, plus_minus
from reports.metrics import label
from reports.plots.axes import draw_guides, label_sizes, scale_axes
from reports.plots.crossings import AgainstReference, Crossing, compare_lines, ratio_to
from reports.plots.labels import draw_legend, wrapped
from reports.plots.looks import INK, PAPER, Look, Plot, looks, slug, write_figure
from reports.ratios import references
from reports.scaling import SeriesExponent, exponents, lines
from suites.results import Results


def write_plots(results: Results, folder: Path) -> list[Plot]:
    """Draw every scaling metric that some series has at two lengths or more; none for a run at a single length.

    The axes are logarithmic: a zero has no place there, and where all figures are zero there is no plot.
    """
    group = answers(results)
    entries = exponents(group)
    seen, compared, by_line = looks(group), references(group), lines(group)
    several = len({answer.setting for answer in group}) > 1
    plots = []
    for metric, setting in dict.fromkeys((entry.metric, entry.setting) for entry in entries):
        drawn = [entry for entry in entries if (entry.metric, entry.setting) == (metric, setting)]
        if any(entry.measured > 1 for entry in drawn):
            shown = [_Line(e, by_line[setting, e.series], compared, seen[e.series]) for e in drawn if e.measured]
            shown = [line for line in shown if line.cells]
            name = metric + (f"-{slug(setting)}" if several else "")
            plots += [_write_plot(metric, setting, shown, folder / name)] if shown else []
    return plots


class _Line:
    """One series in one figure."""

    def __init__(
        self, entry: SeriesExponent, line: Sequence[Answer], compared: Mapping[str, Answer], look: Look
    ) -> None:
        metric = entry.metric
        self.entry, self.look = entry, look
        self.cells = [answer for answer in line if metric in answer.figures and answer.figures[metric].value > 0]
        self.estimates = [answer.figures[metric] for answer in self.cells]
        self.tokens = [answer.cell.workload.tokens for answer in self.cells]
        self.values = [estimate.value for estimate in self.estimates]
        self.reference = {compared[a.key].series for a in self.cells if a.key in compared}
        self.against = self._compare(compared)

    def _compare(self, compared: Mapping[str, Answer]) -> AgainstReference:
        pairs = [(answer, compared[answer.key]) for answer in self.cells if answer.key in compared]
        ratios = [(own.cell.workload.tokens, ratio_to(own, other, self.entry.metric)) for own, other in pairs]
        return compare_lines([(tokens, found) for tokens, found in ratios if found])

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with it."""
        return self.reference == {self.entry.series}

    @property
    def crossings(self) -> list[Crossing]:
        """Where it crosses its reference, if that is another line."""
        return [] if self.is_reference else self.against.crossings

    def draw(self, axes: Axes) -> Line2D:
        """The line, its interval as a band, and what is not ok hollow; returns what a legend shows."""
        look = self.look
        style: dict[str, Any] = {
            "color": look.colour, "marker": look.marker, "linestyle": look.dashes, "markersize": 7,
            "markeredgecolor": PAPER, "markeredgewidth": 0.6,
        }  # fmt: skip
        axes.plot(self.tokens, self.values, **style)
        low, high = [e.low for e in self.estimates], [e.high for e in self.estimates]
        axes.fill_between(self.tokens, low, high, color=look.colour, alpha=0.25, linewidth=0)
        failed = [
            (t, v) for t, v, cell in zip(self.tokens, self.values, self.cells, strict=True) if not cell.comparable
        ]
        hollow = {"markerfacecolor": PAPER, "markeredgecolor": look.colour, "markeredgewidth": 1.4, "linestyle": "none"}
        axes.plot([t for t, _ in failed], [v for _, v in failed], **{**style, **hollow})
        return Line2D([], [], **style)

    def ring(self, axes: Axes) -> None:
        """A ring where it crosses its reference, with a bar over the lengths where it may."""
        for crossing in self.crossings:
            height = _at(crossing.tokens, self.tokens, self.values)
            axes.plot([crossing.low, crossing.high], [height] * 2, color=INK, linewidth=1.2, zorder=4)
            axes.plot(
                [crossing.tokens], [height], marker="o", markersize=11, markerfacecolor="none",
                markeredgecolor=INK, markeredgewidth=1.4, linestyle="none", zorder=4,
            )  # fmt: skip

    @property
    def text(self) -> str:
        """Its entry in the legend: the exponent, and how it stands to its reference."""
        fit = self.entry.exponent
        said = [f"exponent {plus_minus(fit.slope, fit.low, fit.high)}"] if fit else []
        return "\n".join([wrapped(self.entry.series), *said, *([] if self.is_reference else self._standing())])

    def _standing(self) -> list[str]:
        """Where it crosses its reference, and where it can't be told from it."""
        said = [f"○ {_crosses(crossing)}" for crossing in self.crossings]
        level = [f"{tokens:,}" for tokens in self.against.level]
        if level and not self.against.apart:
            return ["≈ it at every length"]
        return said + ([f"≈ it at {listed(level) if len(level) < 4 else f'{len(level)} lengths'}"] if level else [])


def _write_plot(metric: str, setting: str, shown: list[_Line], path: Path) -> Plot:
    name = label(metric)
    title = f"{name[0].upper()}{name[1:]} against sequence length ({setting})"
    shown.sort(key=lambda line: -line.values[-1])

    def paint(axes: Axes) -> None:
        handles = [line.draw(axes) for line in shown]
        for line in shown:
            line.ring(axes)
        _finish(axes, shown)
        draw_legend(axes, handles, [line.text for line in shown], title=_legend_title(shown), offset=1.06)

    height = max(5.2, 2.0 + sum(0.21 + 0.17 * line.text.count("\n") for line in shown))
    series = [line.entry.series for line in shown]
    return write_figure(path, title, _alt(title, shown), paint, size=(9.5, height), kind="scaling", shows=series)


def _finish(axes: Axes, shown: Sequence[_Line]) -> None:
    metric, unit = shown[0].entry.metric, shown[0].estimates[0].unit
    scale_axes(axes, unit)
    sizes = {t: c.size for line in shown for t, c in zip(line.tokens, line.cells, strict=True)}
    if any(size != str(tokens) for tokens, size in sizes.items()):
        label_sizes(axes, sizes)
    draw_guides(axes, falling=metric == "throughput")
    axes.set_ylabel(label(metric))


def _legend_title(shown: Sequence[_Line]) -> str:
    others = [line for line in shown if line.reference and not line.is_reference]
    said = ["in the order of the lines' ends"] if len(shown) > 1 else []
    if any(line.entry.exponent for line in shown):
        said.append("exponent: fitted over the longer half")
    if any(line.crossings or line.against.level for line in others):
        of = list(dict.fromkeys(name for line in others for name in sorted(line.reference)))
        said.append(f"it: {wrapped(of[0]) if len(of) == 1 else 'the reference of the size class'}")
    if any(line.crossings for line in others):
        said.append("○ they cross (bar, and in brackets: 95 % interval)")
    if any(line.against.level for line in others):
        said.append("≈ can't be told apart")
    if any(not cell.comparable for line in shown for cell in line.cells):
        said.append("hollow: failed or unstable, not in the fit")
    return "\n".join(said)


def _crosses(crossing: Crossing) -> str:
    """`below it from 602 tokens (472–965)`; what is exact has no range."""
    low, high = f"{crossing.low:,.0f}", f"{crossing.high:,.0f}"
    doubt = f" ({low}–{high})" if low != high else ""
    return f"{'below' if crossing.below else 'above'} it from {crossing.tokens:,.0f} tokens{doubt}"


def _at(tokens: float, lengths: Sequence[int], values: Sequence[float]) -> float:
    """The line's height at a length, as it is drawn."""
    import numpy

    return float(numpy.exp(numpy.interp(numpy.log(tokens), numpy.log(lengths), numpy.log(values))))


def _alt(title: str, shown: Sequence[_Line]) -> str:
    fits = [(line.entry.series, line.entry.exponent) for line in shown]
    slopes = [f"{series} {plus_minus(fit.slope, fit.low, fit.high)}" for series, fit in fits if fit]
    said = [f"{title}, log-log"]
    said += [f"Fitted exponents: {listed(slopes)}"] if slopes else []
    for line in shown:
        found = [_crosses(crossing) for crossing in line.crossings]
        said += [f"{line.entry.series} crosses {listed(sorted(line.reference))}: {listed(found)}"] if found else []
    return ". ".join(said) + "."
