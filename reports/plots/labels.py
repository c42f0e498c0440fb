"""Names beside figures: cut to the room they have, and legends that hold any name."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from reports.format import one_line


def wrapped(text: str, width: int = 34, lines: int = 3) -> str:
    """A text in at most ``lines`` lines of ``width`` characters; what has no room goes from its middle."""
    room = width * lines
    while len(found := textwrap.wrap(shortened(text, room), width)) > lines:
        room -= width // 4
    return "\n".join(found)


def shortened(text: str, width: int) -> str:
    """A text on one line of at most ``width`` characters: the middle goes, since names often differ at their ends."""
    line = one_line(text)
    if len(line) <= width:
        return line
    tail = (width - 1) // 2
    return f"{line[: width - 1 - tail]}…{line[len(line) - tail :]}"


def draw_legend(
    axes: Axes, handles: Sequence[Any], texts: Sequence[str], *, title: str = "", offset: float = 1.02
) -> Legend:
    """A legend right of the axes. Each text may begin with any character, and have further lines in smaller letters."""
    rows: list[tuple[Any, str, int]] = []
    for handle, text in zip(handles, texts, strict=True):
        first, *rest = text.split("\n")
        rows += [(handle, first, 9), *((Line2D([], [], linestyle="none"), line, 8) for line in rest)]
    legend = axes.legend(
        [handle for handle, _, _ in rows],
        [" "] * len(rows),  # Matplotlib leaves out what begins with an underscore
        loc="center left",
        bbox_to_anchor=(offset, 0.5),
        frameon=False,
        title=title or None,
        alignment="left",
        fontsize=8,
        title_fontsize=8,
        handlelength=3.0,
        labelspacing=0.45,
    )
    for drawn, (_, text, size) in zip(legend.get_texts(), rows, strict=True):
        drawn.set_text(text)
        drawn.set_fontsize(size)
    legend.set_zorder(5)
    return legend
