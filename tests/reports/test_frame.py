"""The tidy table: nothing lost, nothing merged."""

from __future__ import annotations

import subprocess
import sys

import pandas

import reports
from reports.frame import COLUMNS, frame
from suites.record import Status


def test_one_row_a_record_and_estimate(made):
    run = made.run()
    run.add(made.cell(), {"latency": made.noisy(0.02, 1), "params": made.count(5717416)})
    table = frame(run.results())
    assert list(table.columns) == list(COLUMNS)
    assert table.metric.tolist() == ["latency", "params"]
    latency = table[table.metric == "latency"].iloc[0]
    assert (latency.tokens, latency.height, latency.width, latency.batch, latency.threads) == (196, 224, 224, 1, 2)
    assert (latency.model, latency.series, latency.family, latency.size_class) == (
        *["vit_tiny_patch16_224"] * 2,
        "vit",
        "tiny",
    )
    assert (latency.n, latency.unit, latency.status, latency.origin) == (36, "s", "ok", "measured")
    assert latency.low < latency.value < latency.high
    assert not latency.exact and table.exact[1]


def test_failed_and_missing_cells_have_a_row_and_a_partial_record_keeps_its_figures(made):
    run = made.run()
    run.add(made.cell("a"), status="oom", reason="out of memory")
    run.plan(made.cell("b"))
    run.add(made.cell("c"), {"macs": made.count(1e9)}, status="timeout", reason="too slow")
    table = frame(run.results())
    assert table.status.tolist() == ["oom", "missing", "timeout"]
    assert table.metric.isna().tolist() == [True, True, False]
    assert table.reason[0] == "out of memory" and pandas.isna(table.reason[1])


def test_only_the_last_attempt_counts(made):
    run = made.run()
    record = run.add(made.cell(), status="error", reason="once")
    again = record.model_copy(
        update={"status": Status.OK, "reason": None, "estimates": {"macs": made.count(7)}, "attempt": 2}
    )
    run.records.append(type(record).model_validate(again.model_dump()))
    assert frame(run.results())[["status", "metric", "value"]].values.tolist() == [["ok", "macs", 7.0]]


def test_series_name_only_axes_that_vary_and_each_line_is_unique(made):
    run = made.run()
    for layout in ("contiguous", "channels_last"):
        for precision in ("fp32", "bf16"):
            for batch in (1, 8):
                run.add(
                    made.cell(layout=layout, precision=precision, batch=batch, runtime="compile"),
                    {"macs": made.count(1)},
                )
    table = frame(run.results())
    assert not table.duplicated(["series", "setting", "height", "width", "metric"]).any()
    assert set(table.series) == {
        "vit_tiny_patch16_224", "vit_tiny_patch16_224 + bf16", "vit_tiny_patch16_224 + channels_last",
        "vit_tiny_patch16_224 + channels_last + bf16",
    }  # fmt: skip
    assert set(table.setting) == {"cpu, 2 threads, batch 1", "cpu, 2 threads, batch 8"}


def test_flags_touch_their_metric_and_those_of_the_record_touch_all(made):
    run = made.run()
    warnings = [made.warning(), made.warning("nothing_folded", "*")]
    run.add(made.cell(), {"macs": made.count(1), "params": made.count(2)}, warnings=warnings)
    assert frame(run.results())["flags"].tolist() == ["macs_gap,nothing_folded", "nothing_folded"]


def test_load_reads_a_folder(made, tmp_path):
    run = made.run()
    run.add(made.cell(), {"macs": made.count(1)})
    assert reports.load(run.save(tmp_path / "run")).metric.tolist() == ["macs"]


def test_importing_reports_imports_nothing_heavy():
    code = "import reports, sys; print([m for m in ('pandas', 'matplotlib', 'scipy', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
