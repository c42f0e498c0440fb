"""How the models that a claim rests on were trained: under another recipe than its command has, another may win."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.answers import Answer
from reports.claims.claim import Claim
from reports.metrics import is_learnt
from reports.naming import learning_key
from suites.task_workload import TaskWorkload

_SUITE = re.compile(r"vio-bench run .*--suite[ =]([\w-]+)")


def learnt_otherwise(claim: Claim, cells: Iterable[Answer]) -> tuple[str, ...]:
    """What a reader must know: cells of one task that learnt it in several ways, or in runs of other suites than the
    claim's command makes. Only of figures that training decides: others are the same under any recipe."""
    metric = getattr(claim, "metric", None)
    if metric is None or not is_learnt(metric):
        return ()
    learnt = [cell for cell in cells if isinstance(cell.cell.workload, TaskWorkload)]
    return (*_several_ways(learnt), *_other_suites(claim.command, learnt))


def _several_ways(learnt: Iterable[Answer]) -> list[str]:
    ways: dict[tuple[str, str], set[str]] = {}
    for cell in learnt:
        if isinstance(cell.cell.workload, TaskWorkload):
            ways.setdefault((cell.cell.workload.task, cell.size), set()).add(learning_key(cell.cell))
    return [
        f"{task} was learnt in {len(found)} ways, by recipe or data: it is judged by all of them, each by itself"
        for (task, _), found in ways.items()
        if len(found) > 1
    ]


def _other_suites(command: str, learnt: Iterable[Answer]) -> list[str]:
    asked = _SUITE.search(command)
    others = {
        form[0]
        for form in ([one.record.suite for one in cell.forms if one.record] for cell in learnt)
        if form and asked and asked[1] not in form
    }
    if not asked or not others:
        return []
    return [f"learnt in the suite {' and '.join(sorted(others))}, not in {asked[1]}, which is what the command runs"]
