from __future__ import annotations

import pandas
import pytest

import reports
from reports.answers import answers
from reports.frame import frame
from reports.ratios import references
from reports.scaling import exponents
from reports.terminal import closing_tables
from reports.text_tables import failures

LENGTHS = (196, 1024, 4096)


@pytest.fixture(scope="module")
def sequence_run(made):
    """Linear and quadratic mixers, the backward thrice as slow, and the longest quadratic backward timed out."""
    axes = {"kind": "sequence", "length": list(LENGTHS), "channels": 192, "mode": ["forward", "forward_backward"]}
    run = made.run(name="mixers", workload=axes)
    for mode, factor in (("forward", 1), ("forward_backward", 3)):
        for length in LENGTHS:
            for seed, (model, power) in enumerate([("mixer/ssd", 1), ("mixer/attention", 2)]):
                cell = made.sequence(model, length, mode)
                if (model, mode, length) == ("mixer/attention", "forward_backward", 4096):
                    run.add(cell, family="mixer", size_class=None, status="timeout", reason="no answer within 20 s")
                    continue
                figures = {
                    "latency": made.noisy(factor * 1e-3 * (length / 196) ** power, seed + length),
                    "sgemm_share": made.noisy(0.6, seed, unit="1"),
                    "peak_tensor_bytes": made.count(1000 * length, "B"),
                }
                run.add(cell, figures, family="mixer", size_class=None)
    return run


@pytest.fixture(scope="module")
def sequence_report(sequence_run, tmp_path_factory):
    """The folder of that run with its report in it, for tests that only read."""
    folder = sequence_run.save(tmp_path_factory.mktemp("sequences") / "run")
    reports.write_report(folder)
    return folder


def test_forwards_and_backwards_are_never_compared(sequence_run):
    group = answers(sequence_run.results())
    compared = references(group)
    for answer in group:
        reference = compared[answer.planned.identity]
        assert reference.cell.model == "mixer/ssd"
        assert reference.cell.workload == answer.cell.workload
    assert {entry.setting for entry in exponents(group)} == {
        "cpu, 2 threads, batch 1, 192 channels, forward",
        "cpu, 2 threads, batch 1, 192 channels, forward + backward",
    }


def test_exponents_are_fitted_in_tokens(sequence_run):
    group = answers(sequence_run.results())
    slopes = {(e.series, e.setting[-8:]): e.exponent.slope for e in exponents(group) if e.metric == "latency"}
    assert slopes["mixer/ssd", " forward"] == pytest.approx(1, abs=0.05)
    assert slopes["mixer/attention", " forward"] == pytest.approx(2, abs=0.05)


def test_a_report_of_sequences_speaks_of_tokens_and_not_of_pixels(sequence_report):
    report = (sequence_report / "report.md").read_text(encoding="utf-8")
    for said in ("### 4,096 tokens (cpu, 2 threads, batch 1, 192 channels, forward + backward)", "share of sgemm",
                 "At 4,096 tokens mixer/ssd is fastest", "ratio: latency over that of mixer/ssd",
                 "mixer/attention (4096 tokens)", "Input: standard normal sequences of 192 channels"):  # fmt: skip
        assert said in report, said
    claims, _, figures = report.partition("## Scaling with sequence length")
    measured = claims.partition("## Claims")[0] + figures  # claims speak of images too
    for unsaid in (" px", "photographs", "image size", "batch norms"):
        assert unsaid not in measured, unsaid


def test_plots_of_sequences_have_no_axis_of_pixels(sequence_report):
    plots = list((sequence_report / "plots").glob("*.svg"))
    assert {plot.name.partition("-")[0] for plot in plots} == {"latency", "peak_tensor_bytes", "speedup"}
    assert len(plots) == 6
    for plot in plots:
        text = plot.read_text()
        assert "(H/16)" not in text and "pixels" not in text and "tokens" in text


def test_the_tidy_table_has_lengths(sequence_run):
    table = frame(sequence_run.results())
    assert set(table["length"]) == set(table["tokens"]) == set(LENGTHS)
    assert table["height"].isna().all() and set(table["channels"]) == {192}
    assert set(table["mode"]) == {"forward", "forward_backward"}


def test_the_csv_has_no_column_of_pixels(sequence_report):
    columns = pandas.read_csv(sequence_report / "tables" / "comparison.csv").columns
    assert {"tokens", "latency_ratio", "sgemm_share"} <= set(columns)
    assert not {"height_px", "width_px"} & set(columns)


def test_terminal_and_failures_speak_of_tokens(sequence_run):
    titles = [
        str(table.renderables[0]) for table in closing_tables(sequence_run.results()) if hasattr(table, "renderables")
    ]
    assert any("forward + backward" in title for title in titles)
    assert failures(answers(sequence_run.results())).rows[0][0] == "mixer/attention (4096 tokens)"
