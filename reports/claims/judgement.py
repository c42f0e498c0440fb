"""The verdict on a claim, with all that a report shows of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from reports.claims.claim import Claim
from reports.claims.finding import Part

Verdict = Literal["supported", "refuted", "inconclusive", "untested"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Judgement:
    """What the records say of one claim."""

    claim: Claim
    verdict: Verdict
    why: str
    """One line: what decides it, or what keeps it from being decided."""
    effect: str = ""
    """The figure that decides with its interval, for people; empty where nothing was measured."""
    value: float | None = None
    """That figure: a ratio, an exponent, a difference of shares, tokens, or the metric in its own unit."""
    low: float | None = None
    """Lower end of its 95 % interval; None where nothing is known of the noise."""
    high: float | None = None
    """Upper end of that interval."""
    p: float | None = None
    """Of the claim as a whole; None for exact figures."""
    p_holm: float | None = None
    """Adjusted over all tests of the document."""
    n: int | None = None
    """What all comparisons together rest on."""
    counted: str = ""
    """What n counts."""
    cells: tuple[str, ...] = ()
    """Keys of the cells that it rests on: a cell's identity, with the machine where several took part."""
    warnings: tuple[str, ...] = ()
    """What weakens it, a sentence each."""
    parts: tuple[Part, ...] = ()
    """Every comparison."""


def plain(judgement: Judgement) -> dict[str, Any]:
    """For another program: plain values, the claim's own among them."""
    claim = judgement.claim
    told = {
        key: getattr(claim, key) for key in ("id", "document", "title", "sentence", "place", "kind", "command", "note")
    }
    said = {field.name: getattr(judgement, field.name) for field in fields(judgement) if field.name != "claim"}
    parts = [
        {
            "label": part.label,
            "shown": part.shown,
            "value": finite(part.outcome.value),
            "low": finite(part.outcome.low),
            "high": finite(part.outcome.high),
            "p": part.outcome.p,
            "cells": list(part.cells),
            "n": part.n,
        }
        for part in judgement.parts
    ]
    return {**told, **said, "cells": list(judgement.cells), "warnings": list(judgement.warnings), "parts": parts}


def finite(value: float | None) -> float | None:
    """None for what is no number that can be shown."""
    return value if value is not None and math.isfinite(value) else None
