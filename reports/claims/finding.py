"""All comparisons of a claim together: it is supported where every one holds, and refuted where one goes the other way.

The first is an intersection-union test, whose p is the greatest of its parts; for the second the parts that go the
other way are searched for the most certain, so its p is the least of theirs times the number of all parts (Bonferroni).

Source: R. L. Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24 (1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.claims.outcome import LEVEL, Leaning, Outcome
from reports.format import counted, p_value
from suites.record import MeasurementWarning


@dataclass(frozen=True)
class Part:
    """One comparison that a claim rests on, and where it was made."""

    label: str
    """The size, and what else tells it from the claim's other comparisons."""
    shown: str
    """The figure with its interval, for people."""
    outcome: Outcome
    cells: tuple[str, ...]
    """Keys of the cells that it was made from."""
    n: int
    """Samples, examples or cells that it was made from; the finding says which."""


@dataclass(frozen=True)
class Finding:
    """What the records say of a claim, before the correction over its document."""

    leaning: Leaning | None
    """The verdict if its p, after the correction, is below the level."""
    tested: bool
    """Whether there was anything to judge by."""
    p: float | None
    """None where the figures are exact, or where nothing was tested."""
    why: str
    """One line: what decides it, or what keeps it from being decided."""
    effect: str = ""
    parts: tuple[Part, ...] = ()
    told: Part | None = None
    """The comparison that decides: the weakest of what holds, or the one that refutes."""
    counted: str = ""
    """What the parts' n counts."""
    warnings: tuple[str, ...] = ()


def untested(why: str) -> Finding:
    """Nothing to judge by."""
    return Finding(None, False, None, why)


def combine(
    parts: Sequence[Part],
    gaps: Sequence[str],
    *,
    claimed: str = "",
    counted_as: str = "samples",
    margin: str = "",
    warnings: Sequence[str] = (),
    otherwise: str = "the opposite",
    caveat: str = "",
) -> Finding:
    """One finding from all comparisons; ``gaps`` say which of those that were planned can't be made, and why.

    ``claimed`` and ``margin`` are the claimed value and the margin for people, ``otherwise`` what was measured where it
    refutes, and ``caveat`` what stands beside every verdict.
    """
    if not parts:
        return untested(_few(gaps) or "no cell of this run has the figure")
    refuting = [part for part in parts if part.outcome.leaning == "refuted" and not part.outcome.problem]
    told = _most_certain(refuting) if refuting else _weakest(parts)
    p = _p_value(refuting, parts)
    leaning, why = _leaning(parts, refuting, gaps, margin, otherwise)
    if leaning:
        why = "; ".join(filter(None, [why, claimed and f"claimed is {claimed}", caveat]))
    return Finding(leaning, True, p, why, _effect(told, parts), tuple(parts), told, counted_as, tuple(warnings))


def _most_certain(refuting: Sequence[Part]) -> Part:
    return min(refuting, key=lambda part: (part.outcome.p or 0.0, part.outcome.effect))


def _weakest(parts: Sequence[Part]) -> Part:
    return min(parts, key=lambda part: part.outcome.effect - part.outcome.margin)


def _p_value(refuting: Sequence[Part], parts: Sequence[Part]) -> float | None:
    known = [part.outcome.p for part in (refuting or parts) if part.outcome.p is not None]
    if refuting:  # one exact figure refutes by itself
        return min(1.0, len(parts) * min(known)) if len(known) == len(refuting) else None
    return max(known, default=None)


def _leaning(
    parts: Sequence[Part], refuting: Sequence[Part], gaps: Sequence[str], margin: str, otherwise: str
) -> tuple[Leaning | None, str]:
    places = f" at {_few([part.label for part in refuting])}" if len(parts) > 1 else ""
    if refuting:
        return "refuted", f"{otherwise} was measured{places}"
    unknown = [part for part in parts if part.outcome.problem]
    if unknown:
        return None, f"{_few([part.label for part in unknown])}: {unknown[0].outcome.problem}"
    within = [part for part in parts if part.outcome.leaning is None]
    if within:
        return None, f"within the margin{margin and f' of {margin}'}" + (
            f" at {_few([part.label for part in within])}" if len(parts) > 1 else ""
        )
    if gaps:
        return None, f"holds where it could be measured, but {_few(gaps)}"
    return "supported", f"holds in all {len(parts)} comparisons" if len(parts) > 1 else "holds"


def _effect(told: Part, parts: Sequence[Part]) -> str:
    """The comparison that decides, and how far the others reach."""
    if len({part.shown for part in parts}) == 1:
        return told.shown
    best = max(parts, key=lambda part: part.outcome.effect)
    reach = "" if best is told else f"; at best {best.shown} at {best.label}"
    return f"{told.shown} at {told.label}{reach}"


def hidden_by_noise(p: float, p_holm: float, tests: int) -> str:
    """Why a finding whose p is not below the level stays open."""
    if p >= LEVEL:
        return f"noise may account for it (p = {p_value(p)})"
    return f"noise may account for it: p = {p_value(p_holm)} after the correction over {counted(tests, 'test')}"


def _few(said: Sequence[str]) -> str:
    """The first two, and how many more."""
    kept = list(dict.fromkeys(said))
    more = f" and {len(kept) - 2} more" if len(kept) > 2 else ""
    return "; ".join(kept[:2]) + more


def told_by_records(warnings: Sequence[MeasurementWarning]) -> tuple[str, ...]:
    """Warnings of the cells that a finding rests on: each kind once, with its first message."""
    by_kind: dict[str, list[MeasurementWarning]] = {}
    for warning in warnings:
        by_kind.setdefault(warning.kind, []).append(warning)
    return tuple(
        f"{kind}: {found[0].message}" + (f" (and in {counted(len(found) - 1, 'other cell')})" if len(found) > 1 else "")
        for kind, found in by_kind.items()
    )
