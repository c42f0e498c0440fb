"""Accuracies of two sides on the same test examples: what superiority and non-inferiority are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from baselines.errors import UsageError
from reports.accuracy.contests import predictions
from reports.accuracy.entrants import Entrant
from reports.accuracy.mcnemar import Paired, compare
from reports.answers import Answer
from reports.claims.claim import Claim, Selection, Shared, Sides
from reports.claims.compared import side_names, told_by_cells
from reports.claims.evidence import Evidence
from reports.claims.figures import ONE_SEED, missing
from reports.claims.finding import Finding, Part, combine
from reports.claims.outcome import Outcome
from reports.claims.select import Pair
from reports.format import percent, points
from reports.metrics import AT_LENGTH
from suites.predictions import Predictions


class PairedClaim(Claim):
    """A claim on the accuracy of trained models, seed by seed on the same examples."""

    metric: Annotated[str, Field(pattern=r"^accuracy(_at_[0-9]+)?$")] = "accuracy"
    """`accuracy`, or that on test examples of another length, such as `accuracy_at_512`."""
    ours: Selection
    """What the claim speaks of."""
    theirs: Sides
    """What ours is compared with: one selection or a list, and it must hold against each."""
    at: Shared = {}
    """Joined to every side's selection."""


@dataclass(frozen=True)
class _Tested:
    pair: Pair
    paired: Paired
    cells: tuple[Answer, ...]


def find_paired(
    claim: PairedClaim, evidence: Evidence, judge: Callable[[Paired], Outcome], margin: float, claimed: str
) -> Finding:
    """Every pair of ours with each of the sides; ``judge`` says what a paired comparison means for the claim."""
    tested, gaps = _tested(claim, evidence)
    parts = []
    for one, where in zip(tested, side_names([one.pair for one in tested]), strict=True):
        said = judge(one.paired)
        shown = f"{points(one.paired.difference, one.paired.low, one.paired.high)} points"
        keys = tuple(cell.key for cell in one.cells)
        parts.append(Part(where, shown, said, keys, one.paired.examples * len(one.paired.by_seed)))
    single = any(len(one.paired.by_seed) == 1 for one in tested)
    told = told_by_cells((cell for one in tested for cell in one.cells), claim.metric)
    return combine(
        parts,
        gaps,
        claimed=claimed,
        counted_as="answers",
        margin=percent(margin),
        warnings=(ONE_SEED, *told) if single else told,
        caveat="by one training a side" if single else "",
    )


def _tested(claim: PairedClaim, evidence: Evidence) -> tuple[list[_Tested], list[str]]:
    pairs, gaps = evidence.pairs(claim.metric, claim.ours, claim.theirs, claim.at)
    found = [_test(pair, claim.metric, evidence) for pair in pairs]
    return [one for one in found if isinstance(one, _Tested)], gaps + [one for one in found if isinstance(one, str)]


def _test(pair: Pair, metric: str, evidence: Evidence) -> _Tested | str:
    """The paired test over the seeds that both have, or why there is none."""
    length = int(metric.removeprefix(AT_LENGTH)) if metric != "accuracy" else None
    answered: list[dict[int, Predictions]] = []
    for entry in (pair.ours, pair.theirs):
        problems: list[str] = []
        answered.append(predictions(evidence.results, Entrant(entry.name, list(entry.cells)), problems, length))
        if not answered[-1]:
            return problems[0] if problems else missing(entry.first, metric)
    seeds = [seed for seed in answered[0] if seed in answered[1]]
    if not seeds:
        return f"{pair.ours.name} and {pair.theirs.name} learnt with different seeds"
    try:
        paired = compare(*([answers[seed] for seed in seeds] for answers in answered))
    except UsageError as error:
        return f"{pair.ours.name} and {pair.theirs.name}: {error}"
    cells = [cell for entry in (pair.ours, pair.theirs) for cell in entry.cells if cell.cell.seed in seeds]
    return _Tested(pair, paired, tuple(cells))
