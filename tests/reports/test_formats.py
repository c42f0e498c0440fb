"""Reports in every format: the same bytes each time, whole tables with their types, and within GitHub's limits."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

import reports
from baselines.errors import UsageError
from reports.claims import judge
from reports.markdown import LIMIT, render
from suites.results import Results, read_results

NAMES = ['=HYPERLINK("http://x")', "<script>alert(1)</script>", "+1", "@sum", "-2"]


@pytest.fixture(scope="module")
def small(made, tmp_path_factory) -> Path:
    run = made.run()
    for size in (128, 224):
        for model in NAMES:
            run.add(made.cell(model, size), {"latency": made.noisy(size / 1e4, 1), "params": made.count(5717416)})
    run.add(made.cell("failed"), status="oom", reason="=cmd|' /C calc'!A0")
    return run.save(tmp_path_factory.mktemp("small") / "run")


def test_parquet_holds_the_tables_with_types_and_text_as_it_is(small):
    assert reports.write_report(small, ["parquet"]) == small / "tables"
    tidy = pandas.read_parquet(small / "tables" / "estimates.parquet")
    loaded = reports.load(small)
    assert tidy.columns.tolist() == loaded.columns.tolist() and len(tidy) == len(loaded) == 21
    assert tidy.value.tolist()[:-1] == loaded.value.tolist()[:-1]
    assert [str(tidy[name].dtype) for name in ("tokens", "value", "exact")] == ["Int64", "Float64", "boolean"]
    table = pandas.read_parquet(small / "tables" / "comparison.parquet")
    assert set(NAMES) <= set(table.series) and table.params.dropna().unique().tolist() == [5717416]
    claims = pandas.read_parquet(small / "tables" / "claims.parquet")
    assert claims.id.is_unique and set(claims.verdict) <= {"supported", "refuted", "inconclusive", "untested"}


def test_csv_makes_formulas_harmless_and_nothing_else(small):
    reports.write_report(small, ["csv"])
    table = pandas.read_csv(small / "tables" / "comparison.csv")
    assert {f"'{name}" for name in NAMES if name[0] in "=+@-"} | {NAMES[1]} <= set(table.series)
    assert table.reason.dropna().tolist() == ["'=cmd|' /C calc'!A0"]


def test_tables_are_the_same_bytes_each_time(small):
    def written() -> dict[str, bytes]:
        reports.write_report(small, ["csv", "latex", "parquet"])
        return {str(path): path.read_bytes() for path in small.rglob("*") if path.is_file()}

    assert written() == written()


def test_an_unknown_format_gets_the_nearest_name(small):
    with pytest.raises(UsageError, match=r"unknown format 'latx'.*latex"):
        reports.write_report(small, ["md", "latx"])
    with pytest.raises(UsageError, match="no format is named"):
        reports.write_report(small, [])


def test_load_says_machine_run_and_suite(small):
    table = reports.load(small)
    assert table.run.dropna().unique().tolist() == ["made-up"] and table.suite.dropna().unique().tolist() == ["scaling"]
    assert table.machine.nunique() == 1 and table.block.dropna().str.startswith("made-up/").all()


def big(made, cells: int, words: str = "") -> Results:
    run = made.run()
    sizes = range(32, 32 + 32 * (cells // 10), 32)
    for size in sizes:
        for model in range(10):
            figures = {
                "latency": made.noisy(size / 1e4 + model / 1e3, size, samples=4), "macs": made.count(size * model + 1),
                "params": made.count(5e6), "peak_tensor_bytes": made.count(size * 1000, "B"),
            }  # fmt: skip
            cell = made.cell(f"my_package.models.backbones:a_model_with_a_name_{model}", size)
            run.add(
                cell,
                figures,
                family=f"family{model}",
                warnings=[made.warning(message=words or "gap", kind=f"gap_{model}")],
            )
    return run.results()


def test_a_report_of_200_cells_fits_into_a_comment_on_github(made):
    results = big(made, 200)
    text = render(results, judge(results), {}, results.folder)
    assert 20_000 < len(text.encode()) <= LIMIT
    assert text.count("<details>") == text.count("</details>") > 0
    assert "200 of 200 cells measured" in text and "## How it was measured" in text
    if "a_model_with_a_name_9 | 5.00 M" not in text:
        assert "longer than GitHub shows" in text and "`tables/comparison.csv`" in text


def test_a_report_of_endless_words_fits_too(made):
    results = big(made, 20, words="so " * 4_000)
    text = render(results, (), {}, results.folder)
    assert len(text.encode()) <= LIMIT
    assert "too long for GitHub" in text or "longer than GitHub shows" in text


def test_a_short_report_folds_no_table_of_its_figures(small):
    results = read_results(small)
    text = render(results, judge(results), {}, small)
    figures = text[text.index("## Figures by workload") :]
    assert "<details>" not in figures and "### 128 px" in figures
    assert len(text.encode()) <= LIMIT
    for line in text.splitlines():
        assert "<script" not in line
