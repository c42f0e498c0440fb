"""Log-log plots of how a figure grows with sequence length, one figure a metric and setting, as SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from reports.answers import Answer, answers
from reports.axes import draw_guides, label_sizes, scale_axes
from reports.format import listed, plus_minus
from reports.looks import Look, Plot, looks, slug, write_figure
from reports.metrics import label
from reports.scaling import SeriesExponent, exponents, lines
from suites.results import Results


def write_plots(results: Results, folder: Path) -> list[Plot]:
    """Draw every scaling metric that some series has at two lengths or more; none for a run at a single length."""
    group = answers(results)
    entries = exponents(group)
    seen = looks(group)
    plots = []
    for metric, setting in dict.fromkeys((entry.metric, entry.setting) for entry in entries):
        drawn = [entry for entry in entries if (entry.metric, entry.setting) == (metric, setting)]
        if any(entry.measured > 1 for entry in drawn):
            several = len({answer.setting for answer in group}) > 1
            name = metric + (f"-{slug(setting)}" if several else "")
            plots.append(_write_plot(metric, setting, drawn, lines(group), seen, folder / name))
    return plots


def _write_plot(
    metric: str,
    setting: str,
    entries: Sequence[SeriesExponent],
    by_line: Mapping[tuple[str, str], Sequence[Answer]],
    seen: Mapping[str, Look],
    path: Path,
) -> Plot:
    name = label(metric)
    title = f"{name[0].upper()}{name[1:]} against sequence length ({setting})"
    shown = [_Line(entry, metric, by_line[setting, entry.series]) for entry in entries if entry.measured]
    shown.sort(key=lambda line: -line.values[-1])

    def paint(axes: Axes) -> None:
        for line in shown:
            line.draw(axes, seen[line.entry.series])
        _finish(axes, shown)

    return write_figure(path, title, _alt(title, entries), paint)


class _Line:
    """One series in one figure."""

    def __init__(self, entry: SeriesExponent, metric: str, line: Sequence[Answer]) -> None:
        self.entry = entry
        self.cells = [answer for answer in line if metric in answer.figures and answer.figures[metric].value > 0]
        self.estimates = [answer.figures[metric] for answer in self.cells]
        self.tokens = [answer.cell.workload.tokens for answer in self.cells]
        self.values = [estimate.value for estimate in self.estimates] or [0.0]

    def draw(self, axes: Axes, look: Look) -> None:
        """The line, and its interval as a band."""
        if not self.cells:
            return
        axes.plot(
            self.tokens,
            self.values,
            color=look.colour,
            marker=look.marker,
            linestyle=look.dashes,
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"{self.entry.series}  {_exponent(self.entry)}".rstrip(),
        )
        low, high = [e.low for e in self.estimates], [e.high for e in self.estimates]
        axes.fill_between(self.tokens, low, high, color=look.colour, alpha=0.25, linewidth=0)


def _finish(axes: Axes, shown: Sequence[_Line]) -> None:
    drawn = [line for line in shown if line.cells]
    if not drawn:
        return
    metric, unit = drawn[0].entry.metric, drawn[0].estimates[0].unit
    scale_axes(axes, unit)
    sizes = {t: c.size for line in drawn for t, c in zip(line.tokens, line.cells, strict=True)}
    if any(size != str(tokens) for tokens, size in sizes.items()):
        label_sizes(axes, sizes)
    draw_guides(axes, falling=metric == "throughput")
    axes.set_ylabel(label(metric))
    fitted = any(line.entry.exponent for line in drawn)
    legend = axes.legend(
        loc="center left",
        bbox_to_anchor=(1.06, 0.5),
        frameon=False,
        title="series, in the order of the lines' ends" + ("\nwith fitted exponent" if fitted else ""),
        alignment="left",
        fontsize=9,
        handlelength=3.5,
        title_fontsize=8,
    )
    legend.set_zorder(5)


def _exponent(entry: SeriesExponent) -> str:
    fit = entry.exponent
    if fit is None:
        return ""
    return plus_minus(fit.slope, fit.low, fit.high)


def _alt(title: str, entries: Sequence[SeriesExponent]) -> str:
    said = [f"{entry.series} {_exponent(entry)}" for entry in entries if entry.exponent]
    return f"{title}, log-log. Fitted exponents: {listed(said)}." if said else f"{title}, log-log."
