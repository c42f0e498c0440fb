"""A part of the page for each model: what it is, its figures at every size, its accuracy, its warnings, its claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reports.accuracy.contests import Contest
from reports.accuracy.summary import heading
from reports.answers import Answer
from reports.flags import Flag, Flags
from reports.format import between, counted, figure, listed, share
from reports.html.figures import FigureTables
from reports.html.table import LAST, Field, HtmlTable, Row
from reports.metrics import label
from reports.plots.looks import slug
from reports.scaling import SeriesExponent
from reports.text_tables import ABSENT
from suites.record import Status

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement


@dataclass(frozen=True)
class ModelPage:
    """All that the run says of one model."""

    title: str
    name: str
    """What links lead to it by."""
    facts: list[tuple[str, str]]
    arguments: str
    """What it is built with; empty where it takes nothing."""
    tables: list[HtmlTable]
    accuracy: HtmlTable | None
    flags: list[Flag]
    """Warnings, with the cells of this model alone."""
    judgements: list[Judgement]
    """Claims that rest on its cells."""


def page_names(group: Sequence[Answer]) -> dict[str, str]:
    """A name for the page of each model, to link by; told apart by a number where two would be alike."""
    names: dict[str, str] = {}
    for model in dict.fromkeys(answer.cell.model for answer in group):
        name = f"model-{slug(model)}"
        names[model] = name if name not in names.values() else f"{name}-{len(names)}"
    return names


def model_pages(
    group: Sequence[Answer],
    among: Sequence[Contest],
    growth: Sequence[SeriesExponent],
    judgements: Sequence[Judgement],
    flags: Flags,
    tables: FigureTables,
) -> list[ModelPage]:
    """One a model, in the plan's order."""
    pages = []
    for model, name in page_names(group).items():
        cells = [answer for answer in group if answer.cell.model == model]
        own = {answer.key for answer in cells}
        pages.append(
            ModelPage(
                title=model,
                name=name,
                facts=_facts(cells, growth),
                arguments=_arguments([answer.cell.config for answer in cells]),
                tables=tables.of_model(cells),
                accuracy=_accuracy(model, among),
                flags=[_of_cells(flag, own) for flag in flags if any(a.key in own for a in flag.cells)],
                judgements=[judgement for judgement in judgements if own.intersection(judgement.cells)],
            )
        )
    return pages


def _of_cells(flag: Flag, own: set[str]) -> Flag:
    return replace(flag, cells=[answer for answer in flag.cells if answer.key in own])


def _facts(cells: Sequence[Answer], growth: Sequence[SeriesExponent]) -> list[tuple[str, str]]:
    planned = cells[0].planned
    ok = sum(answer.status == Status.OK.value for answer in cells)
    facts = [("family", planned.family), ("size class", planned.size_class or "none")]
    params = sorted({answer.figures["params"].value for answer in cells if "params" in answer.figures})
    if params:
        ends = dict.fromkeys(figure(value, "1") for value in (params[0], params[-1]))
        facts.append(("params", " to ".join(ends)))
    facts.append(("cells", f"{ok} of {counted(len(cells), 'cell')} ended ok"))
    series = {answer.series for answer in cells}
    fitted = [entry for entry in growth if entry.series in series and entry.exponent]
    return facts + [_growth(entry, growth) for entry in fitted]


def _arguments(configs: Sequence[Mapping[str, Any]]) -> str:
    """The arguments of the model; one that differs between cells with its values."""
    values: dict[str, dict[str, None]] = {}
    for config in configs:
        for name, value in config.items():
            values.setdefault(name, {})[re.sub(r"\s+", " ", str(value))] = None
    return "; ".join(f"{name} = {listed(list(found))}" for name, found in values.items())


def _growth(entry: SeriesExponent, growth: Sequence[SeriesExponent]) -> tuple[str, str]:
    """The exponent of a metric, and where it was fitted if the run has several settings."""
    fit = entry.exponent
    assert fit
    several = len({other.setting for other in growth}) > 1
    where = f" ({entry.setting})" if several else ""
    over = f"{fit.tokens_low:,} to {fit.tokens_high:,} tokens"
    return f"exponent of {label(entry.metric)}, {over}{where}", between(fit.slope, fit.low, fit.high)


def _accuracy(model: str, among: Sequence[Contest]) -> HtmlTable | None:
    rows = [
        Row(
            [
                Field(heading(contest, among), heading(contest, among)),
                Field(entrant.name, entrant.name),
                Field(share(found.value, found.low, found.high), found.value) if found else Field(ABSENT, LAST),
                _simple(contest, "baseline"),
                _simple(contest, "shortcut"),
                _place(contest, entrant.name),
            ]
        )
        for contest in among
        for entrant in contest.entrants
        if entrant.cells[0].cell.model == model
        for found in [entrant.accuracy]
    ]
    return (
        HtmlTable("Accuracy", ["task", "series", "accuracy", "baseline", "shortcut", "place"], rows) if rows else None
    )


def _simple(contest: Contest, kind: str) -> Field:
    found = contest.card.simple.get(kind) if contest.card else None
    return Field(f"{100 * found.accuracy:.1f} %", found.accuracy) if found else Field(ABSENT, LAST)


def _place(contest: Contest, name: str) -> Field:
    """`2 of 5`, by mean accuracy alone: the section on accuracy says what can be told apart."""
    scored = sorted((-e.accuracy.value, e.name) for e in contest.entrants if e.accuracy)
    places = [other for _, other in scored]
    if name not in places:
        return Field(ABSENT, LAST)
    place = places.index(name) + 1
    return Field(f"{place} of {len(places)}", float(place))
