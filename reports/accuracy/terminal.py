"""The closing tables of what was learnt: those of the report, with fewer columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from reports.accuracy.contests import Contest, contests
from reports.accuracy.summary import heading
from reports.accuracy.text import accuracy_table, length_table
from reports.answers import Answer
from reports.columns import Column, split_tables
from reports.flags import Flags
from reports.text_tables import ABSENT, TextTable
from suites.results import Results

_SHOWN = ("accuracy", "p against best", "beats baseline", "train time", "learning rate", "seeds", "status")


def accuracy_tables(results: Results, group: Sequence[Answer], flags: Flags, width: int) -> list[RenderableType]:
    """For each contest its accuracies with the p against best, and accuracy by test length where there are several;
    empty for a run that learns nothing."""
    among = contests(results, group)
    return [table for contest in among for table in _tables(contest, heading(contest, among), flags, width)]


def _tables(contest: Contest, title: str, flags: Flags, width: int) -> list[RenderableType]:
    table, lengths = accuracy_table(contest, flags), length_table(contest)
    columns = [Column(name, _cells(table, name)) for name in _SHOWN if name in table.columns]
    found = split_tables(f"accuracy ({title})", _names(table), [], columns, width)
    if lengths:
        by_length = [Column(name, _cells(lengths, name)) for name in lengths.columns[1:]]
        found += split_tables(f"accuracy by test length ({title})", _names(lengths), [], by_length, width)
    return found


def _names(table: TextTable) -> list[str]:
    return [row[0] for row in table.rows]


def _cells(table: TextTable, name: str) -> list[Text]:
    index = table.columns.index(name)
    return [Text(row[index], style="dim" if row[index] == ABSENT else "") for row in table.rows]
