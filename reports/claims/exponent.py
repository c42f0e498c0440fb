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
from reports.claims.outcome import Outcome, of_contrast
from reports.claims.select import Entry, placer
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
    """What the records say. A line of one length has no part in it, unless there is no other."""
    entries, gaps = evidence.entries(claim.metric, claim.ours, claim.at)
    lines = _lines(entries)
    names = differing([line[0].name for line in lines], [line[0].first.setting for line in lines])
    parts: list[Part] = []
    used: list[Measured] = []
    short: list[str] = []
    for line, where in zip(lines, names, strict=True):
        gaps += [gap for entry in line for gap in entry_gaps(entry, claim.metric)]
        having = [measured(entry.cells, claim) for entry in line if not entry_gaps(entry, claim.metric)]
        figures = [figure for figure in having if figure.term]
        part = _part(claim, figures, where)
        if part is None:
            short.append(_one_length_only(line, figures, claim.metric))
        else:
            parts.append(part)
            used += figures
    return combine(
        parts,
        gaps if gaps or parts else short,
        claimed=claim.in_words,
        counted_as=counted_as(used),
        margin=f"{claim.margin:g}",
        warnings=cautions(used, claim.metric),
    )


def _part(claim: ExponentClaim, figures: Sequence[Measured], where: str) -> Part | None:
    fit = fit_medians([(figure.cells[0].cell.workload.tokens, figure.term) for figure in figures if figure.term])
    if fit is None:
        return None
    problem = next((figure.problem for figure in figures if figure.problem), "")
    said = outcome(fit, claim.claimed, claim.sign, claim.margin, problem)
    cells = tuple(cell.key for figure in figures for cell in figure.cells)
    return Part(where, _shown(fit, said), said, cells, sum(figure.estimate.n for figure in figures))


def _lines(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that differ in length alone, the shortest first."""
    place = placer({"tokens", "model"})
    found: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.name, *place(entry)), []).append(entry)
    return [sorted(line, key=lambda entry: entry.first.cell.workload.tokens) for line in found.values()]


def _one_length_only(line: Sequence[Entry], figures: Sequence[Measured], metric: str) -> str:
    lengths = sorted({figure.cells[0].cell.workload.tokens for figure in figures})
    if lengths:
        return f"{line[0].name} has one length only ({counted(lengths[0], 'token')}): no exponent can be fitted"
    return f"{label(metric)} of {line[0].name} is not above 0: no exponent can be fitted"


def _shown(fit: Exponent, said: Outcome) -> str:
    slope = between(said.value, said.low, said.high)
    return f"exponent {slope} from {fit.tokens_low:,} to {counted(fit.tokens_high, 'token')}"


KIND = Kind(ExponentClaim, find)
