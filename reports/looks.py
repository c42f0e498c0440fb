"""What all figures share: a look a series, the style, and how they are written as SVG and PNG."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.answers import Answer

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
class Look:
    """How one series is drawn."""

    colour: tuple[float, float, float]
    marker: str
    dashes: str


def looks(group: Sequence[Answer]) -> Mapping[str, Look]:
    """A colour a model, a marker a family and a dash pattern a variant, the same in every figure of the report."""
    models = list(dict.fromkeys(answer.cell.model for answer in group))
    families = list(dict.fromkeys(answer.planned.family for answer in group))
    variants = list(dict.fromkeys(answer.variant for answer in group))
    colours = seaborn.color_palette("colorblind", len(models))
    return {
        answer.series: Look(
            colours[models.index(answer.cell.model)],
            _MARKERS[families.index(answer.planned.family) % len(_MARKERS)],
            _DASHES[variants.index(answer.variant) % len(_DASHES)],
        )
        for answer in group
    }


def slug(text: str) -> str:
    """Any text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def write_figure(path: Path, title: str, alt: str, paint: Callable[[Axes], None]) -> Plot:
    """Let ``paint`` draw on empty axes and write them to ``path`` with either suffix, the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    style: dict[Any, Any] = {**seaborn.axes_style("whitegrid"), **_STYLE}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.5, 5.2), layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        axes.set_title(title, pad=12)
        svg, png = path.with_name(path.name + ".svg"), path.with_name(path.name + ".png")
        figure.savefig(svg, metadata={"Date": None})
        figure.savefig(png, dpi=150, metadata={"Software": None})
    return Plot(title, alt, svg, png)
