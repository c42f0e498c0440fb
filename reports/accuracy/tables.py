"""Accuracy as tables of plain numbers: shares from 0 to 1, units in the column names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas

from reports.accuracy.contests import Contest
from reports.accuracy.entrants import Entrant
from reports.metrics import SHARES, unit_suffix
from suites.record import Status

_BESIDE = (
    "macro_f1", "balanced_accuracy", "calibration_error", "params", "macs", "latency", "train_time", "train_throughput",
    "learning_rate", "train_steps",
)  # fmt: skip


def accuracy_frames(among: Sequence[Contest]) -> dict[str, pandas.DataFrame]:
    """Tables by file name; none for a run that learns nothing.

    `accuracy`: a row an entrant, and one a contest for its baseline and its shortcut. `accuracy_by_length`: a row an
    entrant and test length. `accuracy_pairs`: every pair of a contest with its test.
    """
    rows = {
        "accuracy": [row for contest in among for row in _entrants(contest)],
        "accuracy_by_length": [row for contest in among for row in _lengths(contest)],
        "accuracy_pairs": [row for contest in among for row in _pairs(contest)],
    }
    return {name: pandas.DataFrame(found).dropna(axis="columns", how="all") for name, found in rows.items() if found}


def _place(contest: Contest) -> dict[str, Any]:
    workload = contest.workload
    return {"task": workload.task, "input_size": workload.input_size, "setting": contest.setting}


def _entrants(contest: Contest) -> list[dict[str, Any]]:
    rows = [{**_place(contest), "kind": "model", **_entrant(contest, entrant)} for entrant in contest.entrants]
    if contest.card:
        rows += [
            {
                **_place(contest),
                "kind": kind,
                "series": simple.name,
                "accuracy": simple.accuracy,
                "examples": contest.card.test,
            }
            for kind, simple in contest.card.simple.items()
        ]
    return rows


def _entrant(contest: Contest, entrant: Entrant) -> dict[str, Any]:
    planned = entrant.cells[0].planned
    row: dict[str, Any] = {"series": entrant.name, "family": planned.family, "size_class": planned.size_class}
    row |= _share(entrant, "accuracy")
    row["best"] = entrant is contest.best
    row["beats_baseline"] = contest.beats_baseline(entrant)
    row["beats_shortcut"] = contest.beats_shortcut(entrant)
    row["seeds_planned"] = len(entrant.cells)
    for metric in SHARES:
        row |= _share(entrant, metric)
    for metric in _BESIDE:
        found = entrant.typical(metric)
        if found:
            row[metric + unit_suffix(found.unit)] = int(found.value) if found.value.is_integer() else found.value
    row["status"] = ", ".join(dict.fromkeys(cell.status for cell in entrant.cells))
    reasons = [c.record.reason for c in entrant.cells if c.record and c.record.status is not Status.OK]
    return row | {"reason": "; ".join(dict.fromkeys(reason for reason in reasons if reason)) or None}


def _share(entrant: Entrant, metric: str) -> dict[str, Any]:
    found = entrant.share(metric)
    if found is None:
        return {}
    row = {metric: found.value, f"{metric}_low": found.low, f"{metric}_high": found.high}
    return row | ({"seeds": found.seeds, "examples": found.examples} if metric == "accuracy" else {})


def _lengths(contest: Contest) -> list[dict[str, Any]]:
    if len(contest.lengths) < 2:
        return []
    rows = []
    for entrant in contest.entrants:
        for length in contest.lengths:
            found = entrant.at(length)
            if found:
                row = {**_place(contest), "series": entrant.name, "test_length": length, "accuracy": found.value}
                rows.append(
                    row | {"low": found.low, "high": found.high, "seeds": found.seeds, "examples": found.examples}
                )
    return rows


def _pairs(contest: Contest) -> list[dict[str, Any]]:
    rows = []
    for pair in contest.comparisons:
        paired = pair.paired
        row = {**_place(contest), "series": pair.first.name, "other": pair.second.name}
        row |= {"difference": paired.difference, "low": paired.low, "high": paired.high}
        row |= {"difference_least_seed": min(paired.by_seed), "difference_greatest_seed": max(paired.by_seed)}
        row |= {"p": paired.p, "p_holm": pair.p_holm, "test": paired.test, "seeds": len(paired.by_seed)}
        row |= {"series_better": paired.first_only, "other_better": paired.second_only}
        rows.append(row | {"examples": paired.examples})
    return rows
