"""A claim: a sentence of a document, as a test on records. What every kind of test shares; each adds its own fields.

A selection says which cells a side consists of: columns of the tidy table with what they must be, which is a value,
a list of values, or ``{at_least: ..., at_most: ...}`` for numbers. Sides are paired by every column that neither pins.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from reports.metrics import AT_LENGTH, SHARES
from suites.schema import Strict

Scalar: TypeAlias = "str | int | float | bool"

COLUMNS: dict[str, type] = {
    "model": str, "series": str, "family": str, "size_class": str, "setting": str, "task": str, "classes": int,
    "tokens": int, "height": int, "width": int, "length": int, "channels": int, "mode": str, "batch": int,
    "device": str, "runtime": str, "precision": str, "layout": str, "fuse": bool, "threads": int, "seed": int,
}  # fmt: skip
"""What a selection may speak of: the columns of ``reports.frame`` that describe a cell, with their types."""

_IN_WORDS = {str: "a name", int: "a whole number", bool: "true or false"}


class Wanted(Strict):
    """What a column must be: one of some values, or within bounds."""

    one_of: tuple[Scalar, ...] = ()
    """Any of these; empty where bounds are given instead."""
    at_least: float | None = None
    """Lower bound of a number, itself included."""
    at_most: float | None = None
    """Upper bound of a number, itself included."""

    def holds(self, value: Scalar | None) -> bool:
        """Whether ``value`` is what is wanted; never for what a cell does not have."""
        if value is None:
            return False
        if self.one_of:
            return value in self.one_of
        number = float(value)
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)


def nearest(name: str, known: Iterable[str]) -> str:
    """What to write instead of ``name``: the nearest names, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"


def _column(name: str) -> str:
    if name not in COLUMNS:
        raise ValueError(f"unknown column '{name}'; {nearest(name, COLUMNS)}")
    return name


def _wanted(written: Any) -> Any:
    if isinstance(written, (dict, Wanted)):
        return written
    values = written if isinstance(written, list) else [written]
    if not values or any(not isinstance(value, (str, int, float)) for value in values):
        raise ValueError("write a value, a list of values, or {at_least: ..., at_most: ...}")
    return Wanted(one_of=tuple(values))


def _of_right_types(selection: dict[str, Wanted]) -> dict[str, Wanted]:
    for column, wanted in selection.items():
        kind = COLUMNS[column]
        if any(type(value) is not kind for value in wanted.one_of):
            raise ValueError(f"{column}: write {_IN_WORDS[kind]}, not {', '.join(map(repr, wanted.one_of))}")
        bounded = wanted.at_least is not None or wanted.at_most is not None
        if bool(wanted.one_of) == bounded or (bounded and kind is not int):
            raise ValueError(f"{column}: write a value or a list of values{' or bounds' if kind is int else ''}")
    return selection


Column = Annotated[str, AfterValidator(_column)]
Selection = Annotated[
    dict[Column, Annotated[Wanted, BeforeValidator(_wanted)]], Field(min_length=1), AfterValidator(_of_right_types)
]
"""Cells: those whose every named column is what is wanted."""
Shared = Annotated[dict[Column, Annotated[Wanted, BeforeValidator(_wanted)]], AfterValidator(_of_right_types)]
"""The same, and may be empty."""
Sides = Annotated[
    list[Selection], Field(min_length=1), BeforeValidator(lambda sides: [sides] if isinstance(sides, dict) else sides)
]
"""One selection or several: the claim must hold against each."""

Positive = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
Margin = Annotated[float, Field(ge=0, lt=1)]


class Claim(Strict):
    """What any claim says, whatever its kind of test."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    """Unique over all documents: lower case, digits and hyphens."""
    sentence: Text
    """What is claimed, in our own words."""
    kind: str
    """The kind of test."""
    command: Text
    """What would test it."""
    place: str = ""
    """Where in the document it stands."""
    note: str = ""
    """What a reader should know beside the verdict: published figures, what the claim leaves open."""
    document: str = ""
    """Stem of the document that it comes from; filled in from the file."""
    title: str = ""
    """Title of that document; filled in from the file."""


def is_share(metric: str) -> bool:
    """Whether a metric is a share of the test examples, 0 to 1."""
    return metric == "accuracy" or metric in SHARES or metric.startswith(AT_LENGTH)


def _no_share(metric: str) -> str:
    if is_share(metric):
        raise ValueError(f"{metric} is a share of the examples: use the kind superiority, non_inferiority or bound")
    return metric


NoShare = Annotated[Text, AfterValidator(_no_share)]
"""A metric that has ratios and exponents."""


class MeasuredClaim(Claim):
    """A claim on figures of cells."""

    metric: Text
    """The figure, by its name in the records."""
    ours: Selection
    """What the claim speaks of."""
    at: Shared = {}
    """Joined to every side's selection."""
    spread: Annotated[float, Field(gt=0, le=2)] | None = None
    """Relative standard deviation between processes (or trainings) to assume where a figure comes from a single one,
    which shows none. Without it such a figure decides nothing."""


class Threshold(Strict):
    """A claimed value with its direction: exactly one of the two."""

    at_most: float | None = None
    """The claimed value is an upper one."""
    at_least: float | None = None
    """The claimed value is a lower one."""

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("give exactly one of at_most and at_least")
        return self

    @property
    def claimed(self) -> float:
        """The value itself."""
        return self.at_most if self.at_most is not None else self.at_least  # type: ignore[return-value]

    @property
    def sign(self) -> int:
        """1 where more is as claimed, -1 where less is."""
        return -1 if self.at_most is not None else 1

    @property
    def in_words(self) -> str:
        """`at most 1`, `at least 1.8`."""
        return f"{'at most' if self.at_most is not None else 'at least'} {self.claimed:g}"
