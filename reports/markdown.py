"""report.md: what a run found, as GitHub shows it, and never longer than GitHub takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.accuracy.contests import contests
from reports.accuracy.section import accuracy_sections
from reports.accuracy.summary import accuracy_summary
from reports.answers import answers
from reports.figures import SCALING_PLOTS
from reports.flags import Flags
from reports.format import counted
from reports.machine_tables import machine_table, packages, session_table
from reports.method import environment, method
from reports.plots.looks import Plot
from reports.runs import questions, runs_table, title
from reports.scaling import lines
from reports.summary import summary
from reports.text_tables import BEND, TextTable, exponent_tables, failures, workload_tables
from reports.verdict_tables import verdict_summary, verdict_tables
from suites.results import Results

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement

LIMIT = 65_536
"""Bytes of a comment on GitHub."""
_AT_A_GLANCE = 24_000
"""Bytes, claims apart, from which on the tables of workloads are folded."""


@dataclass(frozen=True)
class Shape:
    """How much of a report is shown."""

    fold: bool = False
    """Whether long tables are folded away."""
    left: frozenset[str] = frozenset()
    """Parts that are left to the tables in CSV."""


_SPARED = (
    "untested", "workloads", "verdicts", "paired", "plots", "exponents", "flags", "failures", "data", "accuracy",
    "machine",
)  # fmt: skip
"""What a report that is too long does without, the first first."""


def write_markdown(
    results: Results, judgements: Sequence[Judgement], plots: Mapping[str, Sequence[Plot]], path: Path
) -> Path:
    """Write the report to ``path``; ``plots`` by heading are linked relative to its folder."""
    path.write_text(render(results, judgements, plots, path.parent), encoding="utf-8", newline="\n")
    return path


def render(results: Results, judgements: Sequence[Judgement], plots: Mapping[str, Sequence[Plot]], folder: Path) -> str:
    """The report as Markdown, in the fullest shape that fits."""
    facts = _facts(results, judgements, plots, folder)
    template = environment().get_template("report.md.jinja")

    def shaped(shape: Shape) -> str:
        return str(template.render(shape=shape, **facts)).rstrip() + "\n"

    # claims are folded in any case
    fold = _size(shaped(Shape(left=frozenset({"untested", "verdicts"})))) > _AT_A_GLANCE
    for spared in range(len(_SPARED) + 1):
        text = shaped(Shape(fold, frozenset(_SPARED[:spared])))
        if _size(text) <= LIMIT:
            return text
    return _cut(text)


def _facts(
    results: Results, judgements: Sequence[Judgement], plots: Mapping[str, Sequence[Plot]], folder: Path
) -> dict[str, Any]:
    group = answers(results)
    flags, machines = Flags(group), results.environment.machines
    metrics = {name for answer in group for name in answer.figures}
    counts, *timings = summary(group)
    learnt = accuracy_sections(results, group, flags, plots, folder)
    headings = {SCALING_PLOTS, *(section.title for section in learnt)}
    return {
        "plan": results.plan,
        "title": title(results.plan),
        "questions": questions(results.plan),
        "runs": runs_table(results.plan),
        "torn_bytes": results.torn_bytes,
        "summary": [counts, *accuracy_summary(contests(results, group)), *timings],
        "verdicts": verdict_tables(judgements),
        "decided": verdict_tables(judgements, untested=False),
        "verdict_summary": verdict_summary(judgements),
        "accuracy": learnt,
        "plots": _linked(plots.get(SCALING_PLOTS, ()), folder),
        "other_plots": {name: _linked(some, folder) for name, some in plots.items() if some and name not in headings},
        "settings": list(dict.fromkeys(answer.setting for answer in group)),
        "several_lengths": any(
            len({answer.cell.workload.tokens for answer in line}) > 1 for line in lines(group).values()
        ),
        "exponent_tables": exponent_tables(group, flags),
        "workload_tables": workload_tables(group, flags),
        "flags": list(flags),
        "failures": failures(group),
        "method": method(results.plan, metrics, learnt=bool(learnt)),
        "machines": machine_table(machines),
        "packages": packages(machines.values()) if len(machines) == 1 else [],
        "sessions": session_table(results.environment.sessions),
        "bend": BEND,
        "rows": _rows,
    }


def _linked(plots: Sequence[Plot], folder: Path) -> list[tuple[Plot, str]]:
    return [(plot, plot.svg.relative_to(folder).as_posix()) for plot in plots]


def _rows(table: TextTable) -> str:
    return counted(len(table.rows), "row")


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str) -> str:
    """The beginning, whole lines, as much as fits."""
    end = "\n\nThe rest is too long for GitHub; `report.html` and `tables/` have all of it.\n"
    kept = text.encode()[: LIMIT - len(end)].decode(errors="ignore")
    return kept.rpartition("\n")[0].rstrip() + end
