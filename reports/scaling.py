"""The exponent of every series and metric of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.answers import Answer
from reports.fits import Exponent, fit_exponent
from reports.metrics import SCALING


@dataclass(frozen=True)
class SeriesExponent:
    """How one metric of one series grows with sequence length."""

    series: str
    setting: str
    family: str
    metric: str
    measured: int
    """Lengths with a figure."""
    planned: int
    """Lengths that the plan asks for."""
    exponent: Exponent | None
    """None with fewer than two lengths."""


def lines(group: Iterable[Answer]) -> dict[tuple[str, str], list[Answer]]:
    """Answers by (setting, series), each sorted by sequence length: the lines of a plot."""
    found: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        found.setdefault((answer.setting, answer.series), []).append(answer)
    for line in found.values():
        line.sort(key=lambda answer: answer.cell.workload.tokens)
    return found


def exponents(group: Sequence[Answer]) -> list[SeriesExponent]:
    """One entry a series and metric that any cell of ``group`` has, in the order of ``SCALING``."""
    present = {name for answer in group for name in answer.figures}
    return [_series_exponent(line, metric) for metric in SCALING if metric in present for line in lines(group).values()]


def _series_exponent(line: Sequence[Answer], metric: str) -> SeriesExponent:
    having = [answer for answer in line if metric in answer.comparable]
    tokens = [answer.cell.workload.tokens for answer in having]
    return SeriesExponent(
        series=line[0].series,
        setting=line[0].setting,
        family=line[0].planned.family,
        metric=metric,
        measured=len(set(tokens)),
        planned=len({answer.cell.workload.tokens for answer in line}),
        exponent=fit_exponent(tokens, [answer.figures[metric] for answer in having]),
    )


def usual_range(entries: Iterable[SeriesExponent]) -> tuple[int, int] | None:
    """The (shortest, longest) length that most of ``entries`` were fitted over; only exponents of one range compare."""
    ranges = Counter((e.exponent.tokens_low, e.exponent.tokens_high) for e in entries if e.exponent)
    return ranges.most_common(1)[0][0] if ranges else None
