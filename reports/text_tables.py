"""Tables for people: cells of text, still to be escaped for wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reports.answers import Answer
from reports.flags import Flags, places
from reports.format import between, figure, listed, spread
from reports.metrics import SCALING, headline, label
from reports.ratios import ratio, references
from reports.scaling import SeriesExponent, exponents, usual_range
from suites.estimate import Estimate
from suites.record import Status

ABSENT = "–"
BEND = 0.1
"""Local slopes that differ by more than this are shown beside an exponent."""


@dataclass(frozen=True)
class TextTable:
    """A heading, a line under it, and rows of text."""

    title: str
    columns: list[str]
    """The first is left-aligned, all others right-aligned."""
    rows: list[list[str]]
    caption: str = ""


def workload_tables(group: Sequence[Answer], flags: Flags) -> list[TextTable]:
    """One table a size and setting, sizes in the plan's order; the setting is named where the run has several."""
    several = len({answer.setting for answer in group}) > 1
    compared = references(group)
    tables: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        tables.setdefault((answer.size, answer.setting), []).append(answer)
    return [
        _workload_table(setting if several else "", cells, compared, flags)
        for (_, setting), cells in tables.items()
        if not _learnt_only(cells)
    ]


def _learnt_only(cells: Sequence[Answer]) -> bool:
    """Whether all there is to say of these cells stands in the section on accuracy."""
    return cells[0].cell.workload.kind == "task" and not headline(name for a in cells for name in a.figures)


def _workload_table(setting: str, cells: Sequence[Answer], compared: Mapping[str, Answer], flags: Flags) -> TextTable:
    metrics = headline(name for answer in cells for name in (*answer.figures, *_missed(answer)))
    ratios = {answer.key: _ratio(answer, compared) for answer in cells}
    pairs = [(answer, compared[answer.key]) for answer in cells if ratios[answer.key]]
    columns = [_columns(answer, metrics, ratios[answer.key], flags) for answer in cells]
    unused = set() if pairs else {"ratio"}
    if all(answer.status == Status.OK.value for answer in cells):
        unused.add("status")
    shown = [name for name in columns[0] if name not in unused]
    rows = [[row[name] for name in shown] for row in columns]
    title = ", ".join(cells[0].cell.workload.title) + (f" ({setting})" if setting else "")
    return TextTable(title, shown, rows, _caption(pairs))


def _columns(answer: Answer, metrics: Sequence[str], ratio_text: str, flags: Flags) -> dict[str, str]:
    """One row, by column."""
    row = {"series": answer.series + flags.marks(answer, "*")}
    for metric in metrics:
        estimate = answer.figures.get(metric)
        row[label(metric)] = _figure(estimate) + flags.marks(answer, metric)
        if metric == "latency":
            row |= {"n (processes)": _count(estimate), "ratio": ratio_text or ABSENT}
    return row | {"status": answer.status}


def _missed(answer: Answer) -> list[str]:
    """Metrics that a warning is about though there is no figure: their column must show the mark."""
    return [w.metric for w in answer.record.warnings if w.metric != "*"] if answer.record else []


def _caption(pairs: Sequence[tuple[Answer, Answer]]) -> str:
    """What the ratios are of, and a word where some compare what is not alike."""
    if not pairs:
        return ""
    models = list(dict.fromkeys(reference.cell.model for _, reference in pairs))
    which = ", whichever is of the same size class" if len(models) > 1 else ""
    said = f"ratio: latency over that of {' or '.join(models)}{which}, in the same block and variant."
    unlike = dict.fromkeys(a.cell.model for a, b in pairs if a.planned.size_class != b.planned.size_class)
    return f"{said} Not of its size class, so no fair comparison: {listed(list(unlike))}." if unlike else said


def _ratio(answer: Answer, compared: Mapping[str, Answer]) -> str:
    reference = compared.get(answer.key)
    found = ratio(answer, reference, "latency") if reference else None
    if found is None:
        return ""
    shown = between(found.value, found.low, found.high) + ("*" if found.noise == "samples" else "")
    return "1" if reference is answer else shown


def _figure(estimate: Estimate | None) -> str:
    return f"{figure(estimate.value, estimate.unit)} {spread(estimate)}".rstrip() if estimate else ABSENT


def _count(estimate: Estimate | None) -> str:
    return f"{estimate.n} ({len(estimate.samples)})" if estimate else ABSENT


def exponent_tables(group: Sequence[Answer], flags: Flags | None = None) -> list[TextTable]:
    """One table a setting: rows series, a column a metric, with the marks of the figures that were fitted; empty for a
    run at a single length."""
    marks = _marks(group, flags) if flags else {}
    entries = [entry for entry in exponents(group) if entry.planned > 1]
    settings = list(dict.fromkeys(entry.setting for entry in entries))
    return [
        _exponent_table(setting if len(settings) > 1 else "", [e for e in entries if e.setting == setting], marks)
        for setting in settings
    ]


_Place: TypeAlias = tuple[str, str, str]
"""Setting, series and metric."""


def _marks(group: Sequence[Answer], flags: Flags) -> dict[_Place, str]:
    """The marks of each line's figures, each once."""
    found: dict[_Place, dict[str, None]] = {}
    for answer in group:
        for metric in answer.comparable:
            place = answer.setting, answer.series, metric
            found.setdefault(place, {}).update(dict.fromkeys(flags.marks(answer, metric).split()))
    return {place: "".join(f" {mark}" for mark in marks) for place, marks in found.items()}


def _exponent_table(setting: str, entries: Sequence[SeriesExponent], marks: Mapping[_Place, str]) -> TextTable:
    by_cell = {(entry.series, entry.metric): entry for entry in entries}
    metrics = [metric for metric in SCALING if any(entry.metric == metric for entry in entries)]
    usual = usual_range(entries)
    rows = [
        [series, *(_exponent(by_cell.get((series, metric)), usual, marks) for metric in metrics)]
        for series in dict.fromkeys(entry.series for entry in entries)
    ]
    caption = f"Fitted over {usual[0]:,} to {usual[1]:,} tokens unless another range is given." if usual else ""
    return TextTable(setting, ["series", *map(label, metrics)], rows, caption)


def _exponent(entry: SeriesExponent | None, usual: tuple[int, int] | None, marks: Mapping[_Place, str]) -> str:
    """`1.56 (1.53–1.59); local 1.41–1.68; over 400–1,600`, the last two where there is something to say."""
    if entry is None or entry.exponent is None:
        return ABSENT
    fit = entry.exponent
    said = [between(fit.slope, fit.low, fit.high) + ("*" if fit.noise == "samples" else "")]
    if fit.local_high - fit.local_low > BEND:
        said.append(f"local {fit.local_low:.2f}–{fit.local_high:.2f}")
    if (fit.tokens_low, fit.tokens_high) != usual:
        said.append(f"over {fit.tokens_low:,}–{fit.tokens_high:,}")
    return "; ".join(said) + marks.get((entry.setting, entry.series, entry.metric), "")


def failures(group: Sequence[Answer]) -> TextTable:
    """Cells that did not end ok, or have no record, grouped by what happened."""
    grouped: dict[tuple[str, str, str], list[Answer]] = {}
    for answer in group:
        if answer.status != Status.OK.value:
            reason = answer.record.reason if answer.record else "no record yet: go on with --resume"
            grouped.setdefault((answer.status, reason or "", answer.setting), []).append(answer)
    rows = [[places(cells), setting, status, reason] for (status, reason, setting), cells in grouped.items()]
    return TextTable("", ["cells", "setting", "status", "reason"], rows)
