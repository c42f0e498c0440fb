"""Log-log plots of how a figure grows with sequence length, one figure a metric and setting, as SVG and PNG."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.answers import Answer, answers
from reports.axes import draw_guides, label_sizes, scale_axes
from reports.format import listed, plus_minus
from reports.metrics import label
from reports.scaling import SeriesExponent, exponents, lines
from suites.results import Results

_MARKERS = "os^Dvp*<>h8d"
_DASHES = ("-", "--", ":", "-.")
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so a figure is the same everywhere
    "svg.hashsalt": "vio-bench",  # else element ids are drawn at random
    "svg.fonttype": "none",  # text stays text: searchable, read aloud
    "text.parse_math": False,  # a dollar in a model's name is a dollar
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}


@dataclass(frozen=True)
class Plot:
    """A figure that was written."""

    title: str
    alt: str
    """What it shows, in words, for those who don't see it."""
    svg: Path
    png: Path


@dataclass(frozen=True)
class _Look:
    colour: tuple[float, float, float]
    marker: str
    dashes: str


def write_plots(results: Results, folder: Path) -> list[Plot]:
    """Draw every scaling metric that some series has at two lengths or more; none for a run at a single length."""
    group = answers(results)
    entries = exponents(group)
    looks = _looks(group)
    plots = []
    for metric, setting in dict.fromkeys((entry.metric, entry.setting) for entry in entries):
        drawn = [entry for entry in entries if (entry.metric, entry.setting) == (metric, setting)]
        if any(entry.measured > 1 for entry in drawn):
            several = len({answer.setting for answer in group}) > 1
            name = metric + (f"-{_slug(setting)}" if several else "")
            plots.append(_write_plot(metric, setting, drawn, lines(group), looks, folder / name))
    return plots


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _looks(group: Sequence[Answer]) -> Mapping[str, _Look]:
    """A colour a model, a marker a family and a dash pattern a variant, the same in every figure of the report."""
    models = list(dict.fromkeys(answer.cell.model for answer in group))
    families = list(dict.fromkeys(answer.planned.family for answer in group))
    variants = list(dict.fromkeys(answer.variant for answer in group))
    colours = seaborn.color_palette("colorblind", len(models))
    return {
        answer.series: _Look(
            colours[models.index(answer.cell.model)],
            _MARKERS[families.index(answer.planned.family) % len(_MARKERS)],
            _DASHES[variants.index(answer.variant) % len(_DASHES)],
        )
        for answer in group
    }


def _write_plot(
    metric: str,
    setting: str,
    entries: Sequence[SeriesExponent],
    by_line: Mapping[tuple[str, str], Sequence[Answer]],
    looks: Mapping[str, _Look],
    path: Path,
) -> Plot:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = label(metric)
    title = f"{name[0].upper()}{name[1:]} against sequence length ({setting})"
    style: dict[Any, Any] = {**seaborn.axes_style("whitegrid"), **_STYLE}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.5, 5.2), layout="constrained")
        axes = figure.add_subplot()
        shown = [_Line(entry, metric, by_line[setting, entry.series]) for entry in entries if entry.measured]
        shown.sort(key=lambda line: -line.values[-1])
        for line in shown:
            line.draw(axes, looks[line.entry.series])
        _finish(axes, title, shown)
        svg, png = path.with_name(path.name + ".svg"), path.with_name(path.name + ".png")
        figure.savefig(svg, metadata={"Date": None})
        figure.savefig(png, dpi=150, metadata={"Software": None})
    return Plot(title, _alt(title, entries), svg, png)


class _Line:
    """One series in one figure."""

    def __init__(self, entry: SeriesExponent, metric: str, line: Sequence[Answer]) -> None:
        self.entry = entry
        self.cells = [answer for answer in line if metric in answer.figures and answer.figures[metric].value > 0]
        self.estimates = [answer.figures[metric] for answer in self.cells]
        self.tokens = [answer.cell.workload.tokens for answer in self.cells]
        self.values = [estimate.value for estimate in self.estimates] or [0.0]

    def draw(self, axes: Axes, look: _Look) -> None:
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


def _finish(axes: Axes, title: str, shown: Sequence[_Line]) -> None:
    drawn = [line for line in shown if line.cells]
    if not drawn:
        return
    metric, unit = drawn[0].entry.metric, drawn[0].estimates[0].unit
    scale_axes(axes, unit)
    sizes = {t: c.size for line in drawn for t, c in zip(line.tokens, line.cells, strict=True)}
    if any(size != str(tokens) for tokens, size in sizes.items()):
        label_sizes(axes, sizes)
    draw_guides(axes, falling=metric == "throughput")
    axes.set_title(title, pad=12)
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
