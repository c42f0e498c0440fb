"""Records as a tidy table: what every other analysis, here or in a notebook, starts from."""

from __future__ import annotations

from typing import Any

import pandas

from reports.answers import Answer, answers
from suites.estimate import Estimate
from suites.results import Results
from suites.task_workload import TaskWorkload

COLUMNS = {
    "model": "string", "series": "string", "family": "string", "size_class": "string", "setting": "string",
    "task": "string", "classes": "Int64",
    "tokens": "int64", "height": "Int64", "width": "Int64", "length": "Int64", "channels": "Int64", "mode": "string",
    "batch": "int64", "device": "string", "runtime": "string",
    "precision": "string", "layout": "string", "fuse": "bool", "threads": "int64", "seed": "int64",
    "status": "string", "reason": "string", "metric": "string", "value": "float64", "unit": "string",
    "low": "float64", "high": "float64", "confidence": "float64", "n": "Int64", "exact": "boolean",
    "method": "string", "origin": "string", "flags": "string", "block": "string", "identity": "string",
    "machine": "string", "run": "string", "suite": "string",
}  # fmt: skip
"""Columns and their types. Images have height and width, sequences length and channels; what is learnt has a
task and its number of classes. `machine` is the id in environment.json; of merged runs a cell has rows for each
machine that ran it. Cells with one `block` were timed side by side.

`flags`: kinds of warnings about this metric or the whole record, joined by commas."""


def frame(results: Results) -> pandas.DataFrame:
    """One row a cell, machine and estimate, in the plan's order.

    A cell without estimates has one row whose metric is missing; a planned cell without record has status `missing`.
    """
    rows = [row for answer in answers(results) for row in _rows(answer)]
    table: pandas.DataFrame = pandas.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return table


def _rows(answer: Answer) -> list[dict[str, Any]]:
    estimates = answer.record.estimates if answer.record else {}
    shared = _of_cell(answer)
    if not estimates:
        return [{**shared, "flags": _flags(answer, None)}]
    return [{**shared, **_of_estimate(answer, name, estimate)} for name, estimate in estimates.items()]


def _of_cell(answer: Answer) -> dict[str, Any]:
    cell, workload, record = answer.cell, answer.cell.workload, answer.record
    return {
        "model": cell.model,
        "series": answer.series,
        "family": answer.planned.family,
        "size_class": answer.planned.size_class,
        "setting": answer.setting,
        "task": workload.task if isinstance(workload, TaskWorkload) else None,
        "classes": workload.classes if isinstance(workload, TaskWorkload) else None,
        "tokens": workload.tokens,
        **{side: workload.dimensions.get(side) for side in ("height", "width", "length", "channels")},
        "mode": workload.mode,
        "batch": workload.batch,
        "device": cell.device,
        "runtime": cell.runtime,
        "precision": cell.precision,
        "layout": workload.layout,
        "fuse": workload.fuse,
        "threads": cell.threads,
        "seed": cell.seed,
        "status": answer.status,
        "reason": record.reason if record else None,
        "block": answer.block,
        "identity": answer.planned.identity,
        "machine": answer.machine or None,
        "run": record.run if record else None,
        "suite": record.suite if record else None,
    }


def _of_estimate(answer: Answer, name: str, estimate: Estimate) -> dict[str, Any]:
    return {
        "metric": name,
        "value": estimate.value,
        "unit": estimate.unit,
        "low": estimate.low,
        "high": estimate.high,
        "confidence": estimate.confidence,
        "n": estimate.n,
        "exact": estimate.exact,
        "method": estimate.method,
        "origin": estimate.origin,
        "flags": _flags(answer, name),
    }


def _flags(answer: Answer, metric: str | None) -> str:
    """Kinds of warnings; without a metric all of them, since there is no other row to carry them."""
    warnings = answer.record.warnings if answer.record else []
    return ",".join(dict.fromkeys(w.kind for w in warnings if metric is None or w.metric in (metric, "*")))
