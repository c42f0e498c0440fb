"""Verdicts on claims as tables: one a document for people, and one of plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas

from reports.format import counted, listed, p_value
from reports.text_tables import ABSENT, TextTable

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement

_ORDER = ("supported", "refuted", "inconclusive", "untested")


def verdict_summary(judgements: Sequence[Judgement]) -> str:
    """`Of 42 claims 12 are supported, 3 refuted and 27 untested.`; empty without any."""
    found = Counter(str(judgement.verdict) for judgement in judgements)
    said = [f"{found[verdict]} {verdict}" for verdict in _ORDER if found[verdict]]
    return f"Of {counted(len(judgements), 'claim')}: {listed(said)}." if said else ""


def verdict_tables(judgements: Sequence[Judgement], *, untested: bool = True) -> list[TextTable]:
    """A table a document, claims in its order; with or without those ``untested``, and the commands that would test
    them."""
    documents: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        documents.setdefault(judgement.claim.document, []).append(judgement)
    return [
        TextTable(
            found[0].claim.title or stem,
            ["claim", "id", "verdict", "effect (95 % interval)", "p", "why"],
            [_row(judgement) for judgement in found if untested or judgement.verdict != "untested"],
            verdict_summary(found),
        )
        for stem, found in documents.items()
    ]


def _row(judgement: Judgement) -> list[str]:
    return [
        judgement.claim.sentence,
        judgement.claim.id,
        judgement.verdict,
        _effect(judgement),
        p_value(judgement.p_holm) if judgement.p_holm is not None else ABSENT,
        _why(judgement),
    ]


def _effect(judgement: Judgement) -> str:
    n = f" (n = {judgement.n:,} {judgement.counted})" if judgement.n is not None else ""
    return f"{judgement.effect}{n}" if judgement.effect else ABSENT


def _why(judgement: Judgement) -> str:
    said = [judgement.why, *(f"But {warning}" for warning in judgement.warnings)]
    testable = judgement.verdict == "untested" and judgement.claim.command != "none"
    said += [f"To test it: {judgement.claim.command}"] if testable else []
    return " ".join(f"{part[:1].upper()}{part[1:]}{'' if part.endswith(('.', '!', '?')) else '.'}" for part in said)


def verdict_frame(judgements: Sequence[Judgement]) -> pandas.DataFrame:
    """A row a claim: what is claimed, its verdict, the effect as text and as numbers, what it rests on."""
    table: pandas.DataFrame = pandas.DataFrame([_values(judgement) for judgement in judgements])
    return table


def _values(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    return {
        "id": claim.id, "document": claim.document, "sentence": claim.sentence, "place": claim.place,
        "kind": claim.kind, "verdict": judgement.verdict, "why": judgement.why, "effect": judgement.effect,
        "value": judgement.value, "low": judgement.low, "high": judgement.high, "p": judgement.p,
        "p_holm": judgement.p_holm, "n": judgement.n, "counted": judgement.counted,
        "warnings": "; ".join(judgement.warnings), "cells": ", ".join(judgement.cells), "command": claim.command,
    }  # fmt: skip
