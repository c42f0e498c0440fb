"""report.md, plots, tables and the terminal, from whatever a run can leave behind."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

import reports
from reports.answers import answers
from reports.summary import summary
from reports.tables import comparison
from reports.terminal import closing_tables

HOSTILE = "evil|<script>x</script>`${{7*7}}`[red]\n=cmd:**f**"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def on_terminal(run) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    for table in closing_tables(run.results()):
        console.print(table)
    return console.export_text()


def tables_in(text: str) -> list[list[list[str]]]:
    """Every Markdown table as rows of cells, as a parser sees them."""
    found: list[list[list[str]]] = []
    inside = False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        inside = (inside or token.type == "table_open") and token.type != "table_close"
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and inside:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def test_the_same_records_give_the_same_bytes(scaling_run, scaling_report, tmp_path):
    first, second = files(scaling_report), scaling_run.save(tmp_path / "second")
    assert {"report.md", "plots/latency.svg", "plots/latency.png", "plots/macs.svg", "tables/comparison.csv"} <= set(
        first
    )
    for _ in ("written anew", "written over"):
        reports.write_report(second)
        assert files(second) == first


def test_a_report_says_what_was_found_and_nothing_of_this_machine(scaling_report):
    text = (scaling_report / "report.md").read_text()
    assert "34 of 36 cells measured; 1 missing and 1 timeout." in text
    assert re.search(r"At 128 px \(64 tokens, size class tiny\) vio_tiny is fastest: 4\.6. ms ± 0\.\d %, 0\.4\d", text)
    assert "no latency of vit_tiny_patch16_224 and mambaout_femto" in text
    assert text.count("MACs cover 61% of the arithmetic") == 1  # explained once, for six cells
    assert text.count(" ᵃ |") == 6 + 1  # marked at each of them, and at the exponent that was fitted to them
    assert "no answer within 300 s" in text and "go on with --resume" in text
    assert str(scaling_report.parent) not in text and str(Path.cwd()) not in text
    for source in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        assert (scaling_report / source).is_file()
    for table in tables_in(text):
        assert {len(row) for row in table} == {len(table[0])}
    claims = text.count("<details><summary>Verdicts")
    assert len(tables_in(text)) == claims + 1 + 6 + 1 + 2


def test_plots_are_well_formed_and_name_every_series(scaling_run, scaling_report):
    said = " ".join(ElementTree.parse(scaling_report / "plots/latency.svg").getroot().itertext())
    for answer in answers(scaling_run.results()):
        assert answer.series in said
    assert "1,024" in said and "∝ L²" in said and "500 ms" in said


def test_csv_holds_every_cell_with_plain_numbers(scaling_report):
    folder = scaling_report
    table = pandas.read_csv(folder / "tables/comparison.csv")
    assert len(table) == 36
    assert table.status.value_counts().to_dict() == {"ok": 34, "timeout": 1, "missing": 1}
    vit = table[(table.series == "vit_tiny_patch16_224") & (table.tokens == 196)].iloc[0]
    assert vit.latency_s == pytest.approx(0.0281, rel=0.01)
    assert (vit.params, vit.peak_tensor_bytes, vit.latency_ratio) == (5.7e6, round(2**20 * 6.6), 1)
    assert ",5700000," in (folder / "tables/comparison.csv").read_text()
    assert table[table.tokens == 4096].latency_ratio.isna().all()  # the reference has no latency there
    exponents = pandas.read_csv(folder / "tables/exponents.csv")
    assert set(exponents.metric) == {"latency", "macs", "peak_tensor_bytes", "peak_rss"}
    assert len(pandas.read_csv(folder / "tables/estimates.csv")) == 34 * 8 + 5 + 1


def test_one_length_has_no_exponent_and_says_so(made, tmp_path):
    run = made.run("smoke")
    for model, family in (("vit_tiny_patch16_224", "vit"), ("resnet10t", "resnet")):
        run.add(made.cell(model, 64), {"latency": made.noisy(0.01, len(model)), "macs": made.count(1e8)}, family=family)
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert "no exponent to fit" in text
    assert not list((tmp_path / "run").glob("plots/*"))
    assert "exponent" not in on_terminal(run)


def test_one_model_is_compared_with_nobody(made, tmp_path):
    run = made.run()
    for size in (128, 256):
        run.add(made.cell("vio_tiny", size), {"latency": made.noisy(size / 1e4, size)}, family="vio")
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert summary(answers(run.results())) == ["2 of 2 cells measured."]
    assert "fastest" not in text


@pytest.mark.parametrize("measured", [False, True])
def test_a_run_in_which_everything_failed_or_nothing_was_run_still_renders(made, tmp_path, measured):
    run = made.run()
    for size in (128, 224):
        if measured:
            run.add(made.cell(size=size), status="error", reason="ValueError: no | such\nthing")
        else:
            run.plan(made.cell(size=size))
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert "0 of 2 cells measured" in text
    assert ("error" if measured else "missing") in on_terminal(run)
    assert all({len(row) for row in table} == {len(table[0])} for table in tables_in(text))


def test_hostile_names_do_no_harm_anywhere(made, tmp_path):
    run = made.run(question=f"Is {HOSTILE} safe?")
    for size in (128, 224):
        for model in (HOSTILE, "=1+1", "+a", "-b", "@c"):
            estimates = {"latency": made.noisy(size / 1e4, len(model)), "macs": made.count(size)}
            run.add(made.cell(model, size), estimates, family=HOSTILE, warnings=[made.warning(message=HOSTILE)])
    run.add(made.cell(HOSTILE, 448), status="error", reason=HOSTILE)
    folder = run.save(tmp_path / "run")
    text = reports.write_report(folder).read_text()
    assert "<script" not in text and "{{7\\*7}}" in text
    assert all({len(row) for row in table} == {len(table[0])} for table in tables_in(text))
    types = {c.type for t in MarkdownIt("commonmark").enable("table").parse(text) for c in t.children or []}
    assert not types & {"html_inline", "link_open"}
    for csv in (folder / "tables").glob("*.csv"):
        cells = pandas.read_csv(csv, dtype=str, keep_default_na=False).to_numpy().ravel()
        numbers = re.compile(r"-?[\d.]+(e[+-]?\d+)?")
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not numbers.fullmatch(cell)]
    ElementTree.parse(folder / "plots/latency.svg")
    assert "[red]" in on_terminal(run)


def test_what_noise_hides_is_not_called_fastest(made):
    run = made.run()
    for model, seconds in (("vit_tiny_patch16_224", 0.0100), ("resnet10t", 0.0101)):
        run.add(made.cell(model), {"latency": made.noisy(seconds, len(model), noise=0.05)}, family=model[:3])
    assert "can't be told apart as the fastest" in summary(answers(run.results()))[1]


def test_a_single_process_ranks_nobody(made, tmp_path):
    run = made.run()
    for model, seconds in (("vit_tiny_patch16_224", 0.02), ("resnet10t", 0.01)):
        run.add(made.cell(model), {"latency": made.noisy(seconds, 1, processes=1)}, family=model[:3])
    said = summary(answers(run.results()))[1]
    assert "least median" in said and "fastest" not in said
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert re.search(r"\| 0\.50\d \([\d.–]+\)\\\* \|", text)


def test_a_ratio_across_size_classes_is_said_to_be_none_of_like_with_like(made, tmp_path):
    run = made.run()
    run.add(made.cell(), {"latency": made.noisy(0.02, 1)})
    run.add(made.cell("vio_nano"), {"latency": made.noisy(0.01, 2)}, family="vio", size_class="nano")
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert "no fair comparison: vio_nano." in text


def test_cells_of_different_sessions_are_not_ranked(made):
    run = made.run()
    run.add(made.cell("vit_tiny_patch16_224"), {"latency": made.noisy(0.02, 1)})
    run.add(made.cell("resnet10t"), {"latency": made.noisy(0.01, 2)}, family="resnet", session=2)
    assert "different sessions" in summary(answers(run.results()))[1]
    assert comparison(answers(run.results())).latency_ratio.notna().sum() == 1  # the reference's own


def test_a_size_class_is_never_compared_with_another(made):
    run = made.run()
    for model, size_class in (("a", "nano"), ("b", "nano"), ("c", "tiny"), ("d", "tiny")):
        run.add(made.cell(model), {"latency": made.noisy(0.01 * ord(model), 1)}, family="f", size_class=size_class)
    said = summary(answers(run.results()))
    assert [re.findall(r"size class (\w+)\) (\w)", sentence) for sentence in said[1:]] == [
        [("nano", "a")],
        [("tiny", "c")],
    ]


def test_models_are_compared_in_one_variant_and_the_summary_stays_short(made, tmp_path):
    run = made.run("efficiency")
    for layout in ("contiguous", "channels_last"):
        for batch in (1, 2, 4):
            for model, seconds in (("vit", 0.02), ("resnet", 0.01 if layout == "contiguous" else 0.001)):
                cell = made.cell(model, layout=layout, batch=batch)
                run.add(cell, {"latency": made.noisy(seconds, batch)}, family=model)
    said = summary(answers(run.results()))
    assert said[1] == "Timings are compared in the first of 2 variants; the tables hold all."
    assert len(said) == 2 + 3 and not any("channels_last" in sentence for sentence in said)
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert "latency over that of vit, in the same block and variant" in text


def test_a_figure_that_could_not_be_read_shows_its_warning(made, tmp_path):
    run = made.run()
    missed = made.warning("rss_unavailable", "peak_rss", "no peak_rss here")
    run.add(made.cell(), {"latency": made.noisy(0.01, 1)}, warnings=[missed])
    assert "| – ᵃ |" in reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()


def test_a_projection_has_a_column_of_its_own(made):
    run = made.run()
    run.add(made.cell("a"), {"latency": made.noisy(0.01, 1)})
    run.add(made.cell("b"), {"latency": made.noisy(0.01, 1).model_copy(update={"origin": "projected"})})
    table = comparison(answers(run.results()))
    assert table.latency_s.isna().tolist() == [False, True]
    assert table.projected_latency_s.isna().tolist() == [True, False]


def test_several_settings_get_a_plot_and_tables_each(made, tmp_path):
    run = made.run()
    for size in (128, 256):
        for batch in (1, 8):
            run.add(made.cell("a", size, batch=batch), {"macs": made.count(size * batch)})
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    names = {path.name for path in (tmp_path / "run" / "plots").glob("*.svg")}
    assert names == {"macs-cpu-2-threads-batch-1.svg", "macs-cpu-2-threads-batch-8.svg"}
    assert "128 px, 64 tokens (cpu, 2 threads, batch 8)" in text


def test_the_closing_tables_fit_a_hundred_columns(scaling_run, made):
    text = on_terminal(scaling_run)
    assert "timeout" in text and "missing" in text and re.search(r"4\.6\d ±0\.\d%", text) and "1.26 G" in text
    many = made.run()
    for size in range(64, 64 + 32 * 14, 32):
        many.add(
            made.cell("package.module:a_factory_with_a_rather_long_name", size), {"latency": made.noisy(size, size)}
        )
    for shown in (text, on_terminal(many)):
        assert max(map(len, shown.splitlines())) <= 100
        assert "…" not in shown
    assert on_terminal(many).count("continued") >= 1


def test_a_run_of_params_alone_shows_params(made):
    run = made.run()
    run.add(made.cell("vit_tiny_patch16_224"), {"params": made.count(5717416)})
    text = on_terminal(run)
    assert "5.72 M" in text and "latency" not in text
