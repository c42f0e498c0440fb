"""What all figures share: a look a series, the style, and how they are written as SVG and PNG.

An SVG has these colours for what is no data, and a page may put its own in their place: `INK` (text, frames), `MUTED`
(guides, remarks), `GRID`, and `PAPER` (the background, and all that is to look like it: rims of markers, the inside of
hollow ones). All are greys, and what is to stay as it is is none: hues, and `ON_LIGHT` and `ON_DARK`, of text on a
coloured cell.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import matplotlib
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.answers import Answer
from reports.format import one_line
from reports.plots.labels import wrapped

INK, MUTED, GRID, PAPER = "#262626", "#737373", "#cccccc", "#ffffff"
ON_LIGHT, ON_DARK = "#101112", "#fdfdfe"

Dashes: TypeAlias = Literal["-", "--", ":", "-."]

_MARKERS = "os^Dvp*<>h8d"
_DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")
_COLOURS = (0, 1, 2, 3, 4, 9, 5, 7, 6, 8)
"""Those of seaborn's `colorblind` that are hard to see on white come last."""
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # the first comes with Matplotlib, so a PNG is the same everywhere
    "svg.hashsalt": "vio-bench",  # else element ids are drawn at random
    "svg.fonttype": "none",  # text stays text: searchable, read aloud
    "text.parse_math": False,  # a dollar in a model's name is a dollar
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.edgecolor": GRID,
    "grid.color": GRID,
    "hatch.color": GRID,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_TITLE_WIDTH = 9.2
"""Characters of a title to an inch of the figure."""


@dataclass(frozen=True)
class Plot:
    """A figure that was written."""

    title: str
    alt: str
    """What it shows, in words, for those who don't see it."""
    svg: Path
    png: Path
    kind: str = ""
    """What sort of figure it is: `scaling`, `pareto`, `length`, `speedup`, `training` or `confusion`."""
    shows: tuple[str, ...] = ()
    """The series or entrants in it."""


@dataclass(frozen=True)
class Look:
    """How one series is drawn."""

    colour: tuple[float, float, float]
    marker: str
    dashes: Dashes


def looks(group: Sequence[Answer]) -> Mapping[str, Look]:
    """A colour a model, a marker a family and a dash pattern a variant, the same in every figure of the report.

    By series, and by entrant. Where there are more models than colours, those of one colour differ in dashes.
    """
    models = list(dict.fromkeys(answer.cell.model for answer in group))
    families = list(dict.fromkeys(answer.planned.family for answer in group))
    variants = list(dict.fromkeys(answer.variant for answer in group))
    palette = seaborn.color_palette("colorblind")
    found = {}
    for answer in group:
        turn, colour = divmod(models.index(answer.cell.model), len(_COLOURS))
        look = Look(
            palette[_COLOURS[colour]],
            _MARKERS[families.index(answer.planned.family) % len(_MARKERS)],
            _DASHES[(variants.index(answer.variant) + turn) % len(_DASHES)],
        )
        found[answer.series] = look
        found.setdefault(answer.entrant, look)
    return found


def slug(text: str) -> str:
    """Any text as part of a file's name; what is lost of letters beyond ASCII, or at the end, stands in as a hash."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if text.isascii() and 0 < len(plain) <= 80:
        return plain
    return f"{plain[:80]}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}".strip("-")


def write_figure(
    path: Path,
    title: str,
    alt: str,
    paint: Callable[[Axes], None],
    *,
    size: tuple[float, float] = (9.5, 5.2),
    kind: str = "",
    shows: Sequence[str] = (),
) -> Plot:
    """Let ``paint`` draw on empty axes and write them to ``path`` with either suffix, the same bytes each time.

    ``size`` is width and height in inches.
    """
    return write_panels(path, title, alt, lambda panels: paint(panels[0]), size=size, kind=kind, shows=shows)


def write_panels(
    path: Path,
    title: str,
    alt: str,
    paint: Callable[[Sequence[Axes]], None],
    *,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (9.5, 5.2),
    kind: str = "",
    shows: Sequence[str] = (),
) -> Plot:
    """The same for a grid of axes; ``paint`` gets them row by row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    title, alt = one_line(title), one_line(alt)
    style: dict[Any, Any] = {**seaborn.axes_style("whitegrid"), **_STYLE}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box in the PNG; the SVG keeps the text
        figure = Figure(figsize=size, layout="constrained")
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        paint(panels)
        figure.suptitle(wrapped(title, int(_TITLE_WIDTH * size[0])), x=0.01, ha="left", fontsize=11, fontweight="bold")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # once is enough for both files
        svg, png = path.with_name(path.name + ".svg"), path.with_name(path.name + ".png")
        figure.savefig(svg, metadata=_NO_METADATA)
        figure.savefig(png, dpi=150, metadata={"Software": None})
    return Plot(title, alt, svg, png, kind, tuple(shows))
