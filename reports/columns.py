"""Tables of the terminal, split by columns where they would be wider than it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.format import one_line

_NAME_WIDTH, _GAP = 40, 3


@dataclass(frozen=True)
class Column:
    """A heading and a cell a row."""

    heading: str
    cells: list[Text]

    @property
    def width(self) -> int:
        """Columns of the terminal that it takes, gap included."""
        return _GAP + max(len(self.heading), *(cell.cell_len for cell in self.cells))


def split_tables(
    title: str, series: Sequence[str], repeated: Sequence[Column], columns: Sequence[Column], width: int
) -> list[RenderableType]:
    """As many tables as it takes to stay within ``width``, each with the names and the ``repeated`` columns."""
    names = Column("series", [Text(one_line(name)) for name in series])
    room = width - sum(column.width for column in (*repeated, *columns))
    name_width = min(names.width, max(_NAME_WIDTH, room))
    taken = name_width + sum(column.width for column in repeated)
    parts: list[list[Column]] = [[]]
    for column in columns:
        if parts[-1] and taken + sum(c.width for c in parts[-1]) + column.width > width:
            parts.append([])
        parts[-1].append(column)
    found: list[RenderableType] = []
    for index, part in enumerate(parts):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(names.heading, max_width=name_width - _GAP, overflow="fold")
        for column in (*repeated, *part):
            table.add_column(column.heading, justify="right", no_wrap=True)
        for row in zip(names.cells, *(column.cells for column in (*repeated, *part)), strict=True):
            table.add_row(*row)
        heading = title if index == 0 else f"{title} (continued)"
        found.append(Group(Text(one_line(heading), style="bold"), table, Text()))
    return found
