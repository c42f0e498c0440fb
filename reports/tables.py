"""Tables of plain numbers, units in the column names: what goes to CSV and Parquet, and from there to a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from reports.accuracy.contests import contests
from reports.accuracy.tables import accuracy_frames
from reports.answers import Answer, answers
from reports.format import spreadsheet
from reports.frame import frame
from reports.metrics import ordered, unit_suffix
from reports.ratios import ratio, references
from reports.scaling import SeriesExponent, exponents
from reports.verdict_tables import verdict_frame
from suites.estimate import PERCENTILE_MINIMUM, Estimate
from suites.results import Results

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement


def comparison(group: Sequence[Answer]) -> pandas.DataFrame:
    """One row a cell: every figure with its interval, the ratio of latencies to its block's reference, and status.

    Columns: what the cell is; `<metric>_<unit>` with `_low`, `_high`, `_n` for sampled metrics and percentiles where
    there are samples enough; `latency_ratio` with interval and `reference`; `flags`; status and reason.
    """
    metrics = ordered(name for answer in group for name in answer.figures)
    compared = references(group)
    rows = [
        {**_cell(answer), **_figures(answer, metrics), **_ratio(answer, compared.get(answer.key))} for answer in group
    ]
    table: pandas.DataFrame = pandas.DataFrame(rows).dropna(axis="columns", how="all")
    return table


def _cell(answer: Answer) -> dict[str, Any]:
    workload, record = answer.cell.workload, answer.record
    return {
        "series": answer.series,
        "family": answer.planned.family,
        "size_class": answer.planned.size_class,
        "setting": answer.setting,
        "height_px": workload.dimensions.get("height"),
        "width_px": workload.dimensions.get("width"),
        "tokens": workload.tokens,
        "status": answer.status,
        "reason": record.reason if record else None,
        "flags": ", ".join(f"{w.kind}({w.metric})" for w in record.warnings) if record else "",
        "block": answer.block,
        "identity": answer.planned.identity,
    }


def _figures(answer: Answer, metrics: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for metric in metrics:
        if metric in answer.figures:
            columns |= _estimate(metric, answer.figures[metric])
    return columns


def _estimate(metric: str, estimate: Estimate) -> dict[str, Any]:
    suffix = unit_suffix(estimate.unit)
    name = metric if metric.endswith(suffix) else metric + suffix
    if estimate.exact:
        whole = estimate.value.is_integer()
        return {name: int(estimate.value) if whole else estimate.value}
    columns = {
        name: estimate.value,
        f"{metric}_low{suffix}": estimate.low,
        f"{metric}_high{suffix}": estimate.high,
        f"{metric}_n": estimate.n,
    }
    if estimate.share:  # successes and trials: neither processes nor percentiles
        return columns
    columns[f"{metric}_processes"] = len(estimate.samples)
    percentiles = {f"{metric}_p{p}{suffix}": estimate.percentile(p) for p in PERCENTILE_MINIMUM}
    return columns | {name: value for name, value in percentiles.items() if value is not None}


def _ratio(answer: Answer, reference: Answer | None) -> dict[str, Any]:
    found = ratio(answer, reference, "latency") if reference else None
    if found is None or reference is None:
        return {}
    itself = reference is answer
    return {
        "latency_ratio": 1.0 if itself else found.value,
        "latency_ratio_low": 1.0 if itself else found.low,
        "latency_ratio_high": 1.0 if itself else found.high,
        "reference": reference.series,
    }


def exponent_table(group: Sequence[Answer]) -> pandas.DataFrame:
    """One row a series and metric: slope with its 95 % interval, local slopes, and the lengths it was fitted on."""
    rows = [_exponent(entry) for entry in exponents(group)]
    table: pandas.DataFrame = pandas.DataFrame(rows, columns=_EXPONENT_COLUMNS)
    return table


_EXPONENT_COLUMNS = [
    "series", "setting", "family", "metric", "exponent", "exponent_low", "exponent_high", "local_slope_low",
    "local_slope_high", "tokens_low", "tokens_high", "lengths_fitted", "lengths_measured", "lengths_planned", "noise",
]  # fmt: skip


def _exponent(entry: SeriesExponent) -> list[Any]:
    fit = entry.exponent
    fitted: list[Any] = [None] * 8
    if fit:
        fitted = [fit.slope, fit.low, fit.high, fit.local_low, fit.local_high]
        fitted += [fit.tokens_low, fit.tokens_high, fit.lengths]
    noise = fit.noise if fit else None
    return [
        entry.series, entry.setting, entry.family, entry.metric, *fitted, entry.measured, entry.planned, noise,
    ]  # fmt: skip


def frames(results: Results, judgements: Sequence[Judgement] = ()) -> dict[str, pandas.DataFrame]:
    """Every table by its file's name: `comparison`, `exponents`, `estimates` (the tidy table), all rows; of tasks also
    those of ``accuracy_frames``, and `claims` where any were judged."""
    group = answers(results)
    tables = {"comparison": comparison(group), "exponents": exponent_table(group), "estimates": frame(results)}
    tables |= accuracy_frames(contests(results, group))
    return tables | ({"claims": verdict_frame(judgements)} if judgements else {})


def write_csv(tables: Mapping[str, pandas.DataFrame], folder: Path) -> list[Path]:
    """Write ``<name>.csv`` into ``folder``; text that a spreadsheet would run as a formula is made harmless."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_csv(table, folder / f"{name}.csv") for name, table in tables.items()]


def write_parquet(tables: Mapping[str, pandas.DataFrame], folder: Path) -> list[Path]:
    """Write ``<name>.parquet`` into ``folder``: the same tables with their types, and text as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.parquet" for name in tables]
    for table, path in zip(tables.values(), paths, strict=True):
        table.convert_dtypes().to_parquet(path, engine="pyarrow", index=False)
    return paths


def _write_csv(table: pandas.DataFrame, path: Path) -> Path:
    # a count stays a count where some rows have none: 5717416, not 5717416.0
    plain = table.convert_dtypes().astype(object)
    harmless = plain.map(lambda value: spreadsheet(value) if isinstance(value, str) else value)
    harmless.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return path
