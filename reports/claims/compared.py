"""Figures of two sides, pair by pair: what ratios and crossovers are made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.answers import Answer
from reports.claims.claim import MeasuredClaim, NoShare, Sides
from reports.claims.evidence import Evidence
from reports.claims.figures import Measured, entry_gaps, measured, raised, side_by_side
from reports.claims.finding import told_by_records
from reports.claims.select import Pair
from reports.contrast import Contrast, contrast
from reports.metrics import label


class SidedClaim(MeasuredClaim):
    """A claim on two sides."""

    metric: NoShare
    """The figure that is compared, by its name in the records."""
    theirs: Sides
    """What ours is compared with: one selection or a list, and it must hold against each."""


@dataclass(frozen=True)
class Compared:
    """One figure of ours and the one of theirs that it is compared with."""

    pair: Pair
    ours: Measured
    theirs: Measured
    ratio: Contrast
    """The logarithm of ours over theirs."""

    @property
    def problem(self) -> str:
        """Why its noise is unknown; empty where it is known."""
        return self.ours.problem or self.theirs.problem

    @property
    def cells(self) -> tuple[Answer, ...]:
        """All that it rests on."""
        return self.ours.cells + self.theirs.cells

    @property
    def n(self) -> int:
        """Samples of both sides."""
        return self.ours.estimate.n + self.theirs.estimate.n


def side_names(pairs_of: Sequence[Pair]) -> list[str]:
    """Each pair in words, as far as the pairs differ: who, what size, which setting."""
    names = [f"{pair.ours.name} against {pair.theirs.name}" for pair in pairs_of]
    sizes = [pair.ours.size if pair.ours.size == pair.theirs.size else f"{pair.ours.size} and {pair.theirs.size}"
             for pair in pairs_of]  # fmt: skip
    return differing(names, sizes, [pair.ours.first.setting for pair in pairs_of])


def differing(*facts: Sequence[str]) -> list[str]:
    """Labels from several facts a row: those in which rows differ, and the second, the size, where none does."""
    told = [column for column in facts if len(set(column)) > 1] or [facts[1]]  # all empty where there are no rows
    return [", ".join(row) for row in zip(*told, strict=True)]


def cell_names(names: Sequence[str], cells: Sequence[Answer]) -> list[str]:
    """Each cell in words, as far as they differ; ``names`` say who they are."""
    return differing(names, [f"{cell.size} {cell.cell.workload.unit}" for cell in cells], [c.setting for c in cells])


def compared(claim: SidedClaim, evidence: Evidence) -> tuple[list[Compared], list[str]]:
    """Every pair of ours with each of the sides, and why some that were planned can't be compared."""
    pairs, gaps = evidence.pairs(claim.metric, claim.ours, claim.theirs, claim.at)
    found = [_compared(pair, claim) for pair in pairs]
    return [one for one in found if isinstance(one, Compared)], gaps + [one for one in found if isinstance(one, str)]


def _compared(pair: Pair, claim: SidedClaim) -> Compared | str:
    """The two figures, or why they can't be compared."""
    gaps = entry_gaps(pair.ours, claim.metric) + entry_gaps(pair.theirs, claim.metric)
    if gaps:
        return gaps[0]
    own, other = side_by_side(pair, claim.metric)
    if not own:
        return f"{pair.ours.name} and {pair.theirs.name} were not timed side by side at {pair.ours.size}"
    ours, theirs = measured(own, claim), measured(other, claim)
    if ours.estimate.share or theirs.estimate.share:
        return f"{label(claim.metric)} is a share: compare it by the kind superiority or non_inferiority"
    if ours.term is None or theirs.term is None:
        name = (pair.theirs if ours.term else pair.ours).name
        return f"{label(claim.metric)} of {name} at {pair.ours.size} is not above 0: there is no ratio"
    return Compared(pair, ours, theirs, contrast([1, -1], [ours.term, theirs.term]))


def cautions(used: Iterable[Measured], metric: str) -> tuple[str, ...]:
    """What a reader must know of the figures that a finding rests on."""
    figures = list(used)
    caveats = dict.fromkeys(caveat for one in figures for caveat in one.caveats)
    return (*caveats, *told_by_cells((cell for one in figures for cell in one.cells), metric))


def told_by_cells(cells: Iterable[Answer], metric: str) -> tuple[str, ...]:
    """Warnings of the cells that a finding rests on, each cell once; `*` asks for those about whole records."""
    distinct = {cell.key: cell for cell in cells}
    return told_by_records(raised(list(distinct.values()), metric))


def counted_as(figures: Iterable[Measured]) -> str:
    """What is counted of figures: those that were counted themselves have no samples."""
    return "figures" if all(one.estimate.exact for one in figures) else "samples"


def unsided(found: Sequence[Compared]) -> list[Measured]:
    """Both sides of every pair."""
    return [side for one in found for side in (one.ours, one.theirs)]
