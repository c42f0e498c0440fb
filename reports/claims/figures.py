"""The figure of an entry over its seeds, as far as it may be used: what failed, is missing or unstable is no number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.answers import Answer
from reports.claims.claim import MeasuredClaim
from reports.claims.select import Entry, Pair
from reports.contrast import LogMedian, log_median
from reports.format import counted, one_line
from reports.metrics import is_learnt, label
from suites.estimate import Estimate, sampled
from suites.record import MeasurementWarning, Status

ONE_SEED = "one seed: what another training would give is unseen"

_COUNTED = {"learning_rate", "train_steps"}
"""Exact although they come from training."""


def usable(answer: Answer, metric: str) -> Estimate | None:
    """The figure of a cell that ended ok. Of an unstable one what its timing does not touch: exact figures and shares.

    Of several runs of the cell the one that counts is taken, or the first other that has the figure.
    """
    return next((found for form in answer.forms if (found := _usable(form, metric))), None)


def _usable(answer: Answer, metric: str) -> Estimate | None:
    figure = answer.figures.get(metric)
    if figure is None or answer.status == Status.OK.value:
        return figure
    return figure if answer.status == Status.UNSTABLE.value and (figure.exact or figure.share) else None


def missing(answer: Answer, metric: str) -> str:
    """Why a cell has no figure that can be used."""
    where = f"{answer.series} at {answer.size} {answer.cell.workload.unit}"
    failed = next((w for w in answer.warnings(metric) if w.failed), None)
    if failed is not None:
        return f"{where}: {one_line(failed.message)}"
    if answer.record is None:
        return f"{where} has not been run"
    if answer.record.reason is not None:
        return f"{where} ended as {answer.status}: {one_line(answer.record.reason)}"
    return f"{where} has no {label(metric)}"


@dataclass(frozen=True)
class Measured:
    """The logarithm of a figure and how well it is known."""

    estimate: Estimate
    """All samples; those of several seeds are processes side by side."""
    term: LogMedian | None
    """None where the figure is not above 0."""
    cells: tuple[Answer, ...]
    problem: str
    """Why the noise is unknown; empty where it is known, or assumed, and where there is none."""
    caveats: tuple[str, ...]
    """What a reader must know of it."""


def measured(cells: Sequence[Answer], claim: MeasuredClaim) -> Measured:
    """A figure from cells that differ by seed alone, at least one of which can be used."""
    figures = {cell.key: found for cell in cells if (found := usable(cell, claim.metric))}
    having = [cell for cell in cells if cell.key in figures]
    estimate = pooled(list(figures.values()), claim.metric)
    lacking = len(cells) - len(having)
    seeds = (f"{lacking} of {counted(len(cells), 'seed')} without a figure",) if lacking else ()
    term = log_median(estimate)
    if term is None:
        problem = "" if estimate.exact else "not above 0 in every process, so its noise is unknown"
        return Measured(estimate, None, tuple(having), problem, seeds)
    term, problem, caveats = _with_known_noise(term, claim)
    return Measured(estimate, term, tuple(having), problem, (*caveats, *seeds))


def pooled(estimates: Sequence[Estimate], metric: str) -> Estimate:
    """One estimate from one a seed. What comes from training is chance even where a single training counts exactly."""
    first = estimates[0]
    by_chance = is_learnt(metric) and metric not in _COUNTED
    if first.exact and not by_chance and len({estimate.value for estimate in estimates}) == 1:
        return first
    if len(estimates) == 1 and not (first.exact and by_chance):
        return first
    return sampled([process for estimate in estimates for process in estimate.samples], first.unit, first.method)


def _with_known_noise(term: LogMedian, claim: MeasuredClaim) -> tuple[LogMedian, str, tuple[str, ...]]:
    """A figure from one process decides nothing, unless the claim says what spread between processes to assume."""
    if term.noise in ("exact", "processes"):
        return term, "", ()
    if claim.spread is None:
        return term, "from one process only, so what differs between processes is unseen", ()
    assumed = replace(term, variance=term.variance + claim.spread**2, freedom=math.inf, noise="processes")
    return assumed, "", (f"from a single process: a spread of {100 * claim.spread:g} % between processes is assumed",)


def side_by_side(pair: Pair, metric: str) -> tuple[list[Answer], list[Answer]]:
    """The cells of both sides that can be compared, seed by seed: timed in one block, in whichever run they share.

    Exact figures, and sides that differ in size, device or the like, need no block.
    """
    ours, theirs = [], []
    for own in pair.ours.cells:
        for other in pair.theirs.cells:
            if own.cell.seed == other.cell.seed:
                found = _sharing_a_block(own, other, metric, pair.side_by_side)
                ours += [found[0]] if found else []
                theirs += [found[1]] if found else []
    return ours, theirs


def _sharing_a_block(own: Answer, other: Answer, metric: str, needed: bool) -> tuple[Answer, Answer] | None:
    for a in own.forms:
        for b in other.forms:
            one, two = _usable(a, metric), _usable(b, metric)
            if one and two and (not needed or (one.exact and two.exact) or a.block == b.block):
                return a, b
    return None


def raised(cells: Sequence[Answer], metric: str) -> list[MeasurementWarning]:
    """Warnings about a metric, or about all of a record, in cells that were used."""
    return [warning for cell in cells for name in (metric, "*") for warning in cell.warnings(name)]


def entry_gaps(entry: Entry, metric: str) -> list[str]:
    """Why an entry has no figure at all; empty where a seed of it can be used."""
    return [] if usable_in(entry, metric) else [missing(entry.first, metric)]


def usable_in(entry: Entry, metric: str) -> list[Estimate]:
    """The figures of an entry's seeds that can be used."""
    return [found for cell in entry.cells if (found := usable(cell, metric))]
