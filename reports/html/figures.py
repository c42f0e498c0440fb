"""Every cell of a run as a row with its figures: a table a setting, projections in one of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reports.answers import Answer
from reports.flags import Flags
from reports.format import between, figure, share, spread
from reports.html.table import LAST, Field, HtmlTable, Mark, Order, Row, without_empty
from reports.metrics import headline, label
from reports.ratios import ratio, references
from reports.text_tables import ABSENT
from suites.estimate import Estimate
from suites.record import Status
from suites.workload import Workload

_LEARNT = ("accuracy", "train_time")
"""What is shown of training in a row a cell; the rest stands in the tables of accuracy, over seeds."""
_PROJECTED = "projected_"


class FigureTables:
    """Builds them: for a whole run, whose rows can be linked to, or for the cells of one model."""

    def __init__(self, group: Sequence[Answer], flags: Flags, links: Mapping[str, str]) -> None:
        self._flags = {(flag.kind, flag.metric, flag.advice): flag.mark for flag in flags}
        self._references = references(group)
        self._links = links

    def of_run(self, group: Sequence[Answer]) -> list[HtmlTable]:
        """All cells, by setting; every row has its cell's name."""
        settings = list(dict.fromkeys(answer.setting for answer in group))
        tables = [
            self._table(f"Measured: {setting}", [answer for answer in group if answer.setting == setting], named=True)
            for setting in settings
        ]
        return tables + self._projections(group)

    def of_model(self, cells: Sequence[Answer]) -> list[HtmlTable]:
        """The cells of one model, by setting."""
        settings = list(dict.fromkeys(answer.setting for answer in cells))
        tables = [self._table(s, [answer for answer in cells if answer.setting == s], named=False) for s in settings]
        return tables + self._projections(cells)

    def _projections(self, cells: Sequence[Answer]) -> list[HtmlTable]:
        having = [answer for answer in cells if _metrics(answer, projected=True)]
        if not having:
            return []
        return [self._table("Projected, not measured", having, named=False, projected=True)]

    def _table(self, title: str, cells: Sequence[Answer], *, named: bool, projected: bool = False) -> HtmlTable:
        metrics = headline(name for answer in cells for name in _metrics(answer, projected=projected))
        metrics += [metric for metric in _LEARNT if not projected and any(metric in a.figures for a in cells)]
        several = len({answer.planned.size_class for answer in cells}) > 1
        # on the page of a model with one series only, the heading says which it is
        start = 1 if not named and len({answer.series for answer in cells}) == 1 else 0
        columns = ["series", "size", "status", "tokens", "class", *self._heads(metrics)][start:]
        rows = [
            Row(self._marked(answer, self._row(answer, metrics, several=several)[start:]), f"cell-{answer.key}" * named)
            for answer in cells
        ]
        columns, rows = without_empty(columns, rows, ABSENT)
        return HtmlTable(title, columns, rows, self._caption(cells) if "ratio" in columns else "", projected)

    def _marked(self, answer: Answer, fields: list[Field]) -> list[Field]:
        """The row with the marks of all of it at its first field."""
        return [replace(fields[0], marks=self._marks(answer, "*")), *fields[1:]]

    def _heads(self, metrics: Sequence[str]) -> list[str]:
        heads = [[label(metric), *(["ratio", "n (processes)"] if metric == "latency" else [])] for metric in metrics]
        return [name for names in heads for name in names]

    def _row(self, answer: Answer, metrics: Sequence[str], *, several: bool) -> list[Field]:
        """``several``: whether there are several size classes to tell apart."""
        workload = answer.cell.workload
        link = self._links.get(answer.cell.model, "")
        fields = [
            Field(answer.series, answer.series.lower(), link=link),
            Field(_size(workload), float(workload.tokens)),
            _status(answer),
            Field(f"{workload.tokens:,}", float(workload.tokens)) if workload.unit != "tokens" else Field("", LAST),
            Field(answer.planned.size_class or ABSENT if several else "", answer.planned.size_class or LAST),
        ]
        for metric in metrics:
            estimate = answer.figures.get(metric)
            fields.append(Field(_text(estimate), _order(estimate), self._marks(answer, metric)))
            if metric == "latency":
                fields += [self._ratio(answer), _count(estimate)]
        return fields

    def _ratio(self, answer: Answer) -> Field:
        reference = self._references.get(answer.key)
        found = ratio(answer, reference, "latency") if reference else None
        if found is None:
            return Field(ABSENT, LAST)
        if reference is answer:
            return Field("1", 1.0)
        return Field(between(found.value, found.low, found.high) + "*" * (found.noise == "samples"), found.value)

    def _caption(self, cells: Sequence[Answer]) -> str:
        found = [self._references.get(answer.key) for answer in cells]
        models = dict.fromkeys(reference.cell.model for reference in found if reference)
        return f"ratio: latency over that of {' or '.join(models)}, timed in the same block, in the same variant."

    def _marks(self, answer: Answer, metric: str) -> tuple[Mark, ...]:
        return tuple(
            Mark(
                self._flags[warning.kind, warning.metric, warning.advice], warning.kind, warning.message, warning.advice
            )
            for warning in answer.warnings(metric)
        )


def _metrics(answer: Answer, *, projected: bool) -> list[str]:
    """Metrics with a figure; of measured ones also those that only have a warning, whose mark must be seen."""
    missed = [warning.metric for warning in answer.record.warnings] if answer.record and not projected else []
    names = [name for name in (*answer.figures, *missed) if name != "*"]
    return [name for name in names if name.startswith(_PROJECTED) == projected]


def _text(estimate: Estimate | None) -> str:
    if estimate is None:
        return ABSENT
    if estimate.share:
        return share(estimate.value, estimate.low, estimate.high)
    return f"{figure(estimate.value, estimate.unit)} {spread(estimate)}".rstrip()


def _order(estimate: Estimate | None) -> Order:
    return estimate.value if estimate else LAST


def _count(estimate: Estimate | None) -> Field:
    return Field(f"{estimate.n} ({len(estimate.samples)})", float(estimate.n)) if estimate else Field(ABSENT, LAST)


def _size(workload: Workload) -> str:
    size = f"{workload.tokens:,}" if workload.unit == "tokens" else workload.size
    return f"{size} {workload.unit}"


def _status(answer: Answer) -> Field:
    """How the cell ended, beside what it is; nothing where it ended ok."""
    if answer.status == Status.OK.value:
        return Field("", LAST)
    reason = answer.record.reason if answer.record else "no record yet: go on with --resume"
    text = f"{answer.status}: {reason}" if reason else answer.status
    return Field(text, text, tone="bad")
