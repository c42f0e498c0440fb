"""What was run: the suites of a plan, and the runs that it was merged from."""

from __future__ import annotations

from reports.text_tables import ABSENT, TextTable
from suites.plan import Plan


def title(plan: Plan) -> str:
    """The suites by name: `scaling`, or `accuracy, mixers, scaling` of merged runs."""
    return ", ".join(dict.fromkeys(suite.name for suite in plan.suites))


def questions(plan: Plan) -> list[str]:
    """What they ask, each question once."""
    return list(dict.fromkeys(suite.question for suite in plan.suites))


def runs_table(plan: Plan) -> TextTable | None:
    """The runs that were merged; None for a run of its own."""
    if not plan.merged:
        return None
    rows = [
        [
            part.suite.name,
            part.suite.question,
            part.run,
            f"{part.created:%Y-%m-%d %H:%M}",
            f"{len(part.cells):,}",
            ", ".join(part.machines) or ABSENT,
        ]
        for part in plan.merged
    ]
    return TextTable("", ["suite", "question", "run", "planned (UTC)", "cells", "machine"], rows)
