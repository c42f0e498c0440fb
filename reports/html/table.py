"""Tables as the page shows them: text with the value it sorts by, warnings as marks, a name to link to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.flags import Flag
from reports.format import one_line
from reports.text_tables import TextTable

Order = float | str


@dataclass(frozen=True)
class Mark:
    """A warning beside a figure."""

    sign: str
    """The letter that stands for its kind in all of the report."""
    kind: str
    message: str
    advice: str


@dataclass(frozen=True)
class Field:
    """What stands where a row and a column meet."""

    text: str
    order: Order
    """What the column is sorted by."""
    marks: tuple[Mark, ...] = ()
    link: str = ""
    """Name of a place in the page."""
    tone: Literal["", "bad"] = ""


@dataclass(frozen=True)
class Row:
    """One line; the first field names it."""

    fields: list[Field]
    name: str = ""
    """By which other places of the page link to it."""


@dataclass(frozen=True)
class HtmlTable:
    """A table with a name for assistive technology."""

    title: str
    columns: list[str]
    rows: list[Row]
    caption: str = ""
    projected: bool = False
    """Whether its figures are projections: never in one table with measurements."""


_MARKS = re.compile(r"(?: [ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ]+)+$")
_NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?")
_PREFIXES = {
    "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9,
    "TiB": 2.0**40, "GiB": 2.0**30, "MiB": 2.0**20, "KiB": 2.0**10, "M/s": 1e6, "k/s": 1e3,
}  # fmt: skip
LAST = ""
"""What sorts after everything else in either direction: there is no figure."""


def from_text(
    table: TextTable, flags: Iterable[Flag], title: str = "", links: Mapping[str, str] | None = None
) -> HtmlTable:
    """A table for people as one for the page: figures sort by their size, marks open what they stand for.

    ``links``: where the text of a first column leads to.
    """
    known = {flag.mark: Mark(flag.mark, flag.kind, flag.message, flag.advice) for flag in flags}
    rows = [
        Row([_named(row[0], known, links or {}), *(_figure(text, known) for text in row[1:])]) for row in table.rows
    ]
    return HtmlTable(title or table.title, table.columns, rows, table.caption)


def _named(text: str, known: dict[str, Mark], links: Mapping[str, str]) -> Field:
    bare, marks = _split(text, known)
    return Field(bare, bare.lower(), marks, links.get(bare, ""))


def _figure(text: str, known: dict[str, Mark]) -> Field:
    bare, marks = _split(text, known)
    return Field(bare, magnitude(bare), marks)


def _split(text: str, known: dict[str, Mark]) -> tuple[str, tuple[Mark, ...]]:
    """The text without the marks after it, and what they are."""
    found = _MARKS.search(text)
    signs = found[0].split() if found else []
    if not found or not all(sign in known for sign in signs):
        return text, ()
    return text[: found.start()], tuple(known[sign] for sign in signs)


def magnitude(text: str) -> Order:
    """What a printed figure sorts by: `5.72 M` is 5,720,000; words by the alphabet, after numbers."""
    line = one_line(text)
    number = _NUMBER.match(line.removeprefix("+").removeprefix("< "))
    if number is None:
        return line.lower() if any(character.isalnum() for character in line) else LAST
    value = float(number[0].replace("−", "-").replace(",", ""))
    unit = re.match(r"[^\d(]*?([A-Za-zµ/]+)", line[line.index(number[0]) + len(number[0]) :])
    return value * _PREFIXES.get(unit[1] if unit else "", 1.0)


def without_empty(columns: Sequence[str], rows: Sequence[Row], absent: str) -> tuple[list[str], list[Row]]:
    """Columns in which some row has something, and the rows of these alone."""
    kept = [0, *(i for i in range(1, len(columns)) if any(row.fields[i].text not in ("", absent) for row in rows))]
    return [columns[i] for i in kept], [Row([row.fields[i] for i in kept], row.name) for row in rows]
