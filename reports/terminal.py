"""The closing tables of a run, as wide as the terminal is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.text import Text

from reports.accuracy.terminal import accuracy_tables
from reports.answers import Answer, answers
from reports.columns import Column, split_tables
from reports.fits import Exponent
from reports.flags import Flags
from reports.format import counted, digits, figure, one_line, percent, plus_minus
from reports.metrics import label
from reports.scaling import exponents, lines
from reports.text_tables import ABSENT
from suites.estimate import Estimate
from suites.record import FAILED
from suites.results import Results

_PIVOTS = ("latency", "throughput", "sgemm_share", "peak_tensor_bytes", "peak_rss", "peak_allocated")
_UNITS = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")), "B": ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))}


def closing_tables(results: Results, width: int = 100) -> list[RenderableType]:
    """Tables of accuracy, of latency and peaks by size, MACs and params, exponents, and the warnings explained; split
    where they would be wider than ``width`` columns."""
    group = answers(results)
    flags = Flags(group)
    found = accuracy_tables(results, group, flags, width)
    settings = list(dict.fromkeys(answer.setting for answer in group))
    for setting in settings:
        of_which = f" ({setting})" if len(settings) > 1 else ""
        part = [answer for answer in group if answer.setting == setting]
        present = {name for answer in part for name in answer.figures}
        said_else = {"params", "macs"} & present or part[0].cell.workload.kind == "task"
        metrics = [metric for metric in _PIVOTS if metric in present] or ([] if said_else else ["latency"])
        for metric in metrics:
            found += _pivots(f"{label(metric)} ({setting})", metric, part, flags, width)
        if "macs" in present:
            found += _pivots(f"MACs{of_which}", "macs", part, flags, width, "params")
        elif "params" in present:
            found += _pivots(f"params{of_which}", "params", part, flags, width)
        found += _exponent_table(part, width)
    return [*found, *_notes(flags)]


def _pivots(
    title: str, metric: str, part: Sequence[Answer], flags: Flags, width: int, beside: str = ""
) -> list[RenderableType]:
    """Rows series, columns sizes, one unit throughout; split where it would be too wide."""
    sizes = list(dict.fromkeys(answer.size for answer in part))
    scale, unit = _unit([answer.figures[metric] for answer in part if metric in answer.figures])
    by_series = {series: {answer.size: answer for answer in line} for (_, series), line in lines(part).items()}
    columns = [
        Column(
            f"{size} {part[0].cell.workload.unit}",
            [_cell(line.get(size), metric, scale, flags) for line in by_series.values()],
        )
        for size in sizes
    ]
    first = [Column(label(beside), [_beside(line.values(), beside) for line in by_series.values()])] if beside else []
    return split_tables(f"{title}, {unit}" if unit else title, list(by_series), first, columns, width)


def _unit(estimates: Sequence[Estimate]) -> tuple[float, str]:
    """One unit for all: that of the middle figure. Counts keep a prefix of their own."""
    values = [estimate.value for estimate in estimates if estimate.value > 0]
    units = _UNITS.get(estimates[0].unit, ()) if values else ()
    if not units:
        return math.nan, ""
    middle = statistics.median(values)
    return next(((size, name) for size, name in units if middle >= size), units[-1])


def _cell(answer: Answer | None, metric: str, scale: float, flags: Flags) -> Text:
    if answer is None:
        return Text(ABSENT)
    if metric not in answer.figures:
        failed = answer.status in [status.value for status in FAILED]
        shown = answer.status if answer.status != "ok" else ABSENT
        return Text(shown + flags.marks(answer, metric), style="red" if failed else "dim")
    estimate = answer.figures[metric]
    number = figure(estimate.value, estimate.unit) if math.isnan(scale) else digits(estimate.value / scale)
    half = "" if estimate.exact else f" ±{percent(estimate.half_width).replace(' ', '')}"
    return Text(f"{number}{half}{flags.marks(answer, metric)}")


def _beside(line: Iterable[Answer], metric: str) -> Text:
    """A figure that does not depend on the size; a range where it does (position embeddings)."""
    values = sorted({a.figures[metric].value for a in line if metric in a.figures})
    shown = list(dict.fromkeys(figure(value, "1") for value in values))
    return Text(shown[0] if len(shown) == 1 else f"{shown[0]}–{shown[-1]}" if shown else ABSENT)


def _exponent_table(part: Sequence[Answer], width: int) -> list[RenderableType]:
    entries = [entry for entry in exponents(part) if entry.planned > 1]
    fits = {(entry.series, entry.metric): entry.exponent for entry in entries}
    series = list(dict.fromkeys(entry.series for entry in entries))
    metrics = list(dict.fromkeys(entry.metric for entry in entries))
    columns = [Column(label(metric), [_slope(fits.get((name, metric))) for name in series]) for metric in metrics]
    title = "exponent in tokens over the long half of the sweep: 1 linear, 2 quadratic"
    return split_tables(title, series, [], columns, width) if series else []


def _slope(fit: Exponent | None) -> Text:
    return Text(plus_minus(fit.slope, fit.low, fit.high) if fit else ABSENT)


def _notes(flags: Flags) -> list[RenderableType]:
    """Each kind of warning once; those about a whole record have no mark, since no row here is one record."""
    return [
        Text(
            f"{flag.mark if flag.metric != '*' else '!'} {counted(len(flag.cells), 'cell')}: {one_line(flag.message)}"
            f"{', for one' if len(flag.cells) > 1 else ''}; {one_line(flag.advice)}",
            style="dim",
        )
        for flag in flags
    ]
