"""What claims are judged by: the cells of a run, and which figures were asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from reports.answers import Answer, answers
from reports.claims.claim import Wanted
from reports.claims.figures import missing
from reports.claims.select import Entry, Pair, Selected, chosen, entries, in_words, nothing_chosen, pairs
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

    @cached_property
    def by_key(self) -> dict[str, Answer]:
        """The same by their keys, as findings name them."""
        return {cell.key: cell for cell in self.cells}

    def entries(self, metric: str, *selections: Selected) -> tuple[list[Entry], list[str]]:
        """The entries that every selection wants and that were asked for the metric, and why some are not there."""
        found, gaps = self.chosen(metric, *selections)
        return entries(found), gaps

    def pairs(
        self, metric: str, ours: Selected, sides: Sequence[Selected], at: Selected
    ) -> tuple[list[Pair], list[str]]:
        """Entries of ours with each that is like it of each of the sides, and why some are not there."""
        own, gaps = self.entries(metric, ours, at)
        found: list[Pair] = []
        for side in sides if own else ():
            other, none = self.entries(metric, side, at)
            gaps += none
            paired = pairs(own, other, {*ours, *side})
            if other and not paired:
                gaps.append(
                    f"nothing with {in_words(ours)} was run as {in_words(side)} was, in the same way at the same size"
                )
            found += paired
        return found, gaps

    def chosen(self, metric: str | None, *selections: Selected) -> tuple[list[Answer], list[str]]:
        """The same as cells; without a metric nothing need be asked of them.

        A cell whose run measures other things has no part in a claim, and is no gap in it. Where a selection lists
        values, each combination of them that has no such cell is a gap: a claim on three sizes is one on all three.
        """
        wanted = chosen(self.cells, *selections)
        asked = [cell for cell in wanted if self._is_asked(cell, metric)]
        if not asked:
            return [], self._why_none(wanted, metric, *selections)
        gaps: list[str] = []
        for combination in _listed(selections):
            if not chosen(asked, combination):
                told = [combination] if not chosen(self.cells, combination) else _narrowed(selections, combination)
                gaps += self._why_none(chosen(wanted, combination), metric, *told)
        return asked, list(dict.fromkeys(gaps))

    def _why_none(self, wanted: Sequence[Answer], metric: str | None, *selections: Selected) -> list[str]:
        """Why none of the ``wanted`` cells was asked for the metric."""
        if not wanted or metric is None:
            return [nothing_chosen(self.cells, *selections)]
        failed = [missing(cell, metric) for cell in wanted if cell.record is None or cell.record.reason]
        if len(failed) == len(wanted):
            return failed
        return [f"this run measured no {label(metric)} of {in_words(*selections)}"]

    def _is_asked(self, cell: Answer, metric: str | None) -> bool:
        if metric is None:
            return True
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
            tried = form.record.failed_at if form.record else set()
            found.setdefault((run, form.cell.workload.kind), set()).update(form.figures, tried)
        return found


def _listed(selections: Sequence[Selected]) -> list[dict[str, Wanted]]:
    """Every combination of the values that selections list, and the one model where there is but one."""
    columns = {name: want.one_of for selection in selections for name, want in selection.items()}
    if all(len(values) < 2 for values in columns.values()):
        return []
    named = [(name, values) for name, values in columns.items() if len(values) > 1 or (name == "model" and values)]
    return [
        {name: Wanted(one_of=(value,)) for (name, _), value in zip(named, values, strict=True)}
        for values in product(*(values for _, values in named))
    ]


def _narrowed(selections: Sequence[Selected], to: Selected) -> list[Selected]:
    return [{name: to.get(name, want) for name, want in selection.items()} for selection in selections]
