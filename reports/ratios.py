"""Ratios of timings, taken only between cells that were timed side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.answers import Answer
from reports.contrast import Noise, contrast, log_median
from suites.estimate import CONFIDENCE


@dataclass(frozen=True)
class Ratio:
    """One figure over another."""

    value: float
    """Ratio of the geometric means of the process medians; it may differ from the quotient of two printed medians."""
    low: float | None
    """Lower end of the interval; None where nothing is known of the noise."""
    high: float | None
    """Upper end of the interval."""
    noise: Noise
    """What the interval was made from."""

    @property
    def differs(self) -> bool:
        """Whether the interval excludes 1."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def ratio(answer: Answer, reference: Answer, metric: str, confidence: float = CONFIDENCE) -> Ratio | None:
    """``metric`` of ``answer`` over that of ``reference``; None unless both have it and share a block."""
    if answer.block is None or answer.block != reference.block:
        return None
    if metric not in answer.comparable or metric not in reference.comparable:
        return None
    own, other = log_median(answer.comparable[metric]), log_median(reference.comparable[metric])
    if own is None or other is None:
        return None
    found = contrast([1, -1], [own, other], confidence)
    if found.low is None or found.high is None:
        return Ratio(math.exp(found.value), None, None, found.noise)
    return Ratio(math.exp(found.value), math.exp(found.low), math.exp(found.high), found.noise)


def references(group: Sequence[Answer]) -> dict[str, Answer]:
    """What each cell is compared with, by its ``key``; absent where its block holds no reference.

    The reference model is the ViT of the run, or its first model where there is none; of several that of the same size
    class. It is compared in the same variant: tuned with tuned, as shipped with as shipped.
    """
    forms = [form for answer in group for form in answer.forms]
    by_place = {_place(form, form.cell.model): form for form in forms if form.comparable}
    found = {}
    for answer in group:
        reference = by_place.get(_place(answer, _reference_model(answer, group)))
        if answer.record and reference is not None:
            found[answer.key] = reference
    return found


def _place(answer: Answer, model: str) -> tuple[object, ...]:
    return (answer.block, model, answer.variant)


def _reference_model(answer: Answer, group: Sequence[Answer]) -> str:
    candidates = [other for other in group if other.planned.family == "vit"] or group
    alike = [other for other in candidates if other.planned.size_class == answer.planned.size_class]
    return (alike or candidates)[0].cell.model


@dataclass(frozen=True)
class Lead:
    """Who is fastest in a group of cells, as far as the intervals say."""

    best: Answer
    """The least median."""
    level: list[Answer]
    """Others that can't be told from it."""
    certain: bool
    """False where some cell was timed in one process only: what differs between processes is unseen, so none leads."""


def lead(group: Sequence[Answer], metric: str = "latency") -> Lead | None:
    """The cell with the least ``metric``, and those whose ratio to it does not exclude 1.

    The best is compared with every other, so each ratio has Bonferroni's confidence and all hold together at 95 %.
    None unless at least two cells have the metric and all that have it share one block.
    """
    having = [answer for answer in group if answer.record and metric in answer.comparable]
    if len(having) < 2 or len({answer.block for answer in having}) > 1:
        return None
    best = min(having, key=lambda answer: answer.figures[metric].value)
    others = [answer for answer in having if answer is not best]
    confidence = 1 - (1 - CONFIDENCE) / len(others)
    ratios = [(other, ratio(other, best, metric, confidence)) for other in others]
    level = [other for other, found in ratios if found is None or not found.differs]
    return Lead(best, level, all(found and found.noise in ("exact", "processes") for _, found in ratios))
