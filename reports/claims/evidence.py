"""What claims are judged by: the cells of a run, and which figures were asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from reports.answers import Answer, answers
from reports.claims.figures import missing
from reports.claims.select import Entry, Selected, chosen, entries, in_words, nothing_chosen
from reports.metrics import label
from suites.results import Results


@dataclass(frozen=True)
class Evidence:
    """A run, as claims look at it."""

    results: Results

    @cached_property
    def cells(self) -> list[Answer]:
        """Every planned cell with its record."""
        return answers(self.results)

    def entries(self, metric: str, *selections: Selected) -> tuple[list[Entry], list[str]]:
        """The entries that every selection wants and that were asked for the metric; if there are none, why."""
        found, gaps = self.chosen(metric, *selections)
        return entries(found), gaps

    def chosen(self, metric: str, *selections: Selected) -> tuple[list[Answer], list[str]]:
        """The same as cells. A cell whose run measures other things has no part in a claim, and is no gap in it."""
        wanted = chosen(self.cells, *selections)
        if not wanted:
            return [], [nothing_chosen(self.cells, *selections)]
        asked = [cell for cell in wanted if self._is_asked(cell, metric)]
        if asked:
            return asked, []
        failed = [missing(cell, metric) for cell in wanted if cell.record is None or cell.record.reason]
        return [], failed if len(failed) == len(wanted) else [
            f"this run measured no {label(metric)} of {in_words(*selections)}"
        ]

    def _is_asked(self, cell: Answer, metric: str) -> bool:
        kind = cell.cell.workload.kind
        return any(metric in self._asked.get((run, kind), ()) for run in self._runs(cell))

    def _runs(self, cell: Answer) -> Sequence[str]:
        """The runs that measured a cell on its machine; of one that was not measured, those that planned it."""
        plan = self.results.plan
        measured = [form.record.run for form in cell.forms if form.record]
        if plan.merged and measured:
            return measured
        return [part.run for part in plan.merged if cell.planned.identity in part.cells] or [plan.run]

    @cached_property
    def _asked(self) -> dict[tuple[str, str], set[str]]:
        """Figures by run and kind of workload: what some cell has or failed at, and what the suite names."""
        plan = self.results.plan
        suites = {part.run: part.suite for part in plan.merged} or {plan.run: plan.suite}
        kinds: set[str] = {cell.cell.workload.kind for cell in self.cells}
        found = {(run, kind): set(suite.metrics) for run, suite in suites.items() for kind in kinds}
        for form in (form for cell in self.cells for form in cell.forms if form.record):
            run = form.record.run if form.record and plan.merged else plan.run
            tried = {w.metric for w in form.record.warnings if w.kind.endswith("_failed")} if form.record else set()
            found.setdefault((run, form.cell.workload.kind), set()).update(form.figures, tried)
        return found
