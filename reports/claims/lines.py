"""Lines: what differs in length alone, the shortest first, as exponents and crossings are read from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from reports.claims.select import Entry, placer

T = TypeVar("T")


def lines(items: Iterable[T], entry_of: Callable[[T], Entry], name_of: Callable[[T], Hashable]) -> list[list[T]]:
    """Items grouped by their names and by all of their entries that is not length; each group by tokens."""
    place = placer({"tokens", "model"})
    found: dict[tuple[object, ...], list[T]] = {}
    for item in items:
        found.setdefault((name_of(item), *place(entry_of(item))), []).append(item)
    return [sorted(line, key=lambda item: tokens_of(entry_of(item))) for line in found.values()]


def tokens_of(entry: Entry) -> int:
    """Length of an entry's input."""
    return entry.first.cell.workload.tokens
