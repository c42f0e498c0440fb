"""How steeply a figure grows with tokens: the slope of log(figure) over log(tokens) in the long half of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from reports.claims.claim import MeasuredClaim, NoShare, Threshold
from reports.claims.compared import cautions, counted_as, differing
from reports.claims.evidence import Evidence
from reports.claims.figures import Measured, entry_gaps, measured
from reports.claims.finding import Finding, Part, combine
from reports.claims.kinds import Kind
from reports.claims.lines import lines
from reports.claims.outcome import Outcome, of_contrast
from reports.claims.select import Entry
from reports.fits import Exponent, fit_medians
from reports.format import between, counted
from reports.metrics import label


class ExponentClaim(MeasuredClaim, Threshold):
    """`at_most: 1.2` says linear or nearly so, `at_least: 1.8` quadratic or nearly so, `at_most: 0.1` constant."""

    metric: NoShare
    """The figure that grows, by its name in the records."""
    margin: Annotated[float, Field(ge=0)] = 0.05
    """In units of the exponent: with `at_most: 1.2` and 0.05, a slope from 1.15 to 1.25 decides nothing."""


def outcome(fit: Exponent, claimed: float, sign: int, margin: float, problem: str = "") -> Outcome:
    """A fitted slope against a ``claimed`` one; ``sign`` is -1 where that is an upper bound, 1 a lower one."""
    return of_contrast(fit.line, claimed, sign, margin, shown=float, problem=problem)


def find(claim: ExponentClaim, evidence: Evidence) -> Finding:
    """What the records say. A line of one length is a gap, unless the same model has a longer one elsewhere."""
    entries, gaps = evidence.entries(claim.metric, claim.ours, claim.at)
    found = lines(entries, lambda entry: entry, lambda entry: entry.name)
    names = differing([line[0].name for line in found], [line[0].first.setting for line in found])
    parts: list[Part] = []
    used: list[Measured] = []
    short: dict[str, str] = {}
    fitted: set[str] = set()
    for line, where in zip(found, names, strict=True):
        figures, missing = _figures(claim, line)
        gaps += missing
        fit = fit_medians([(_tokens(figure), figure.term) for figure in figures if figure.term])
        if fit is not None:
            kept = [figure for figure in figures if _tokens(figure) >= fit.tokens_low]
            parts.append(_part(claim, fit, kept, where))
            used += kept
            fitted.add(line[0].name)
        elif figures:
            length = counted(_tokens(figures[0]), "token")
            short[line[0].name] = f"{line[0].name} has one length only ({length}): no exponent can be fitted"
    return combine(
        parts,
        [*gaps, *(why for name, why in short.items() if name not in fitted)],
        claimed=claim.in_words,
        counted_as=counted_as(used),
        margin=f"{claim.margin:g}",
        warnings=cautions(used, claim.metric),
    )


def _figures(claim: ExponentClaim, line: Sequence[Entry]) -> tuple[list[Measured], list[str]]:
    """The figures of a line that have logarithms, and why others have none."""
    figures: list[Measured] = []
    gaps: list[str] = []
    for entry in line:
        lacking = entry_gaps(entry, claim.metric)
        found = None if lacking else measured(entry.cells, claim)
        if found is None:
            gaps += lacking
        elif found.term is None:
            gaps.append(f"{label(claim.metric)} of {entry.name} at {entry.size} is not above 0: it has no exponent")
        else:
            figures.append(found)
    return figures, gaps


def _tokens(figure: Measured) -> int:
    return figure.cells[0].cell.workload.tokens


def _part(claim: ExponentClaim, fit: Exponent, figures: Sequence[Measured], where: str) -> Part:
    problem = next((figure.problem for figure in figures if figure.problem), "")
    said = outcome(fit, claim.claimed, claim.sign, claim.margin, problem)
    cells = tuple(cell.key for figure in figures for cell in figure.cells)
    return Part(where, _shown(fit, said), said, cells, sum(figure.estimate.n for figure in figures))


def _shown(fit: Exponent, said: Outcome) -> str:
    slope = between(said.value, said.low, said.high)
    return f"exponent {slope} from {fit.tokens_low:,} to {counted(fit.tokens_high, 'token')}"


KIND = Kind(ExponentClaim, find)
