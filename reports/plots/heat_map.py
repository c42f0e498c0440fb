"""A grid of coloured cells with a text in each: what a heat map of ratios and a confusion matrix have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Shape

from reports.plots.looks import INK, ON_DARK, ON_LIGHT, PAPER


@dataclass(frozen=True)
class HeatCell:
    """One cell: a text, and a colour, or hatching where there is no figure."""

    text: str = ""
    colour: str | None = None
    """None leaves the background."""
    hatched: bool = False
    bold: bool = False


def draw_cells(axes: Axes, cells: Sequence[Sequence[HeatCell]], *, fontsize: float = 9, gap: float = 1.2) -> None:
    """Rows from top to bottom; a cell is 1 wide and 1 high, its centre at (column, row), ``gap`` points of background
    between it and the next."""
    placed = [(row, column, cell) for row, line in enumerate(cells) for column, cell in enumerate(line)]
    by_colour: dict[str, list[tuple[int, int]]] = {}
    for row, column, cell in placed:
        if cell.colour:
            by_colour.setdefault(cell.colour, []).append((row, column))
    for colour, places in by_colour.items():  # one shape a colour: a matrix of 400 cells stays small
        axes.add_patch(PathPatch(_squares(places), facecolor=colour, edgecolor=PAPER, linewidth=gap))
    hatched = [(row, column) for row, column, cell in placed if cell.hatched]
    if hatched:
        axes.add_patch(PathPatch(_squares(hatched), facecolor="none", edgecolor=PAPER, hatch="///", linewidth=gap))
    for row, column, cell in placed:
        if cell.text:
            axes.text(
                column, row, cell.text, ha="center", va="center", fontsize=fontsize, color=_text_colour(cell),
                fontweight="bold" if cell.bold else "normal",
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5} if cell.hatched else None,
            )  # fmt: skip
    axes.set_xlim(-0.5, max(map(len, cells)) - 0.5)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.grid(False)


def label_cells(axes: Axes, columns: Mapping[int, str], rows: Mapping[int, str], *, fontsize: float = 9) -> None:
    """Names of columns (above) and rows by their number."""
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    slanted = any(len(name) > 6 for name in columns.values()) and len(columns) > 6
    axes.set_xticks(list(columns), labels=list(columns.values()), fontsize=fontsize)
    axes.tick_params(axis="x", rotation=45 if slanted else 0)
    if slanted:
        for name in axes.get_xticklabels():
            name.set_horizontalalignment("left")
            name.set_rotation_mode("anchor")
    axes.set_yticks(list(rows), labels=list(rows.values()), fontsize=fontsize)
    axes.tick_params(length=0)


def hue(colour: object) -> str:
    """A colour in hexadecimal that is no pure grey, which a page in dark mode would turn round."""
    found = to_hex(colour)  # type: ignore[arg-type]
    red, green, blue = found[1:3], found[3:5], found[5:7]
    return found if not red == green == blue else f"#{red}{green}{min(int(blue, 16) + 1, 254):02x}"


def _squares(places: Sequence[tuple[int, int]]) -> Shape:
    codes = [Shape.MOVETO, Shape.LINETO, Shape.LINETO, Shape.LINETO, Shape.CLOSEPOLY]
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)]
    return Shape([(column + x, row + y) for row, column in places for x, y in corners], codes * len(places))


def _text_colour(cell: HeatCell) -> str:
    if cell.colour is None:
        return INK
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(cell.colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]  # as WCAG 2 has it
    return ON_DARK if luminance < 0.18 else ON_LIGHT
