"""What a run of tasks says: tables, tests against the best, the baseline, and what is missing."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import pandas
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

import reports
from reports.accuracy.contests import contests
from reports.accuracy.summary import accuracy_summary
from reports.accuracy.text import accuracy_table, length_table, paired_table
from reports.answers import answers
from reports.flags import Flags
from reports.scaling import exponents
from reports.terminal import closing_tables
from suites.estimate import exact
from suites.predictions import dump_predictions, predictions_file
from suites.recipe import Recipe
from suites.results import TRAINING, read_results
from suites.task_axes import SimpleModel

HOSTILE = "evil|<script>x</script>`${{7*7}}`[red]\n=cmd:**f**"


def contests_of(folder):
    results = read_results(folder)
    return contests(results, answers(results))


def shown(folder):
    """The first contest's main table as {model: {column: text}}."""
    results = read_results(folder)
    group = answers(results)
    table = accuracy_table(contests(results, group)[0], Flags(group))
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def on_terminal(folder):
    console = Console(width=100, record=True, file=io.StringIO())
    for table in closing_tables(read_results(folder)):
        console.print(table)
    return console.export_text()


@pytest.fixture
def small(made, tmp_path):
    """A run of given models, {name: share right}, saved; `tasks` are its cards."""

    def save(models, seeds=(0,), tasks=None, **told):
        run = made.run("accuracy", "Who?", made.task_axes)
        run.tasks = [made.card()] if tasks is None else tasks
        for seed in seeds:
            for index, (model, right) in enumerate(models.items()):
                run.learnt(made.task(model, seed), made.answers_with(right, seed=seed * 10 + index), **told)
        return run.save(tmp_path / "run")

    return save


def test_a_row_a_model_best_first_with_the_baseline_among_them(task_report):
    table = shown(task_report)
    assert list(table) == [
        "vio_tiny", "vit_tiny_patch16_224", "mambaout_femto", "baseline: logistic regression", "resnet10t",
        "convnext_femto",
    ]  # fmt: skip
    assert [row["beats baseline"] for row in table.values()] == ["yes", "yes", "yes", "–", "no, below", "–"]
    assert [row["seeds"] for row in table.values()] == ["3", "3", "2 of 3", "–", "3", "0 of 3"]
    assert table["baseline: logistic regression"]["accuracy"] == "90.0 %"
    assert table["vio_tiny"]["accuracy"].startswith("96.2 % (")
    assert (table["vio_tiny"]["params"], table["vio_tiny"]["train time"]) == ("5.00 M", "61.0 s")
    assert [row["status"] for row in table.values()] == ["", "", "ok, missing", "", "", "timeout"]


def test_the_rates_chosen_stand_in_the_table_where_there_was_a_choice(made, tmp_path):
    for rates, chosen in (((1e-3, 3e-3), ["0.001, 0.003", "0.003"]), ((3e-3,), [None, None])):
        recipe = Recipe(epochs=3, lr_grid=rates)
        run = made.run("accuracy", "Who?", made.task_axes)
        for seed, (model, rate) in enumerate((("a", 1e-3), ("a", 3e-3), ("b", 3e-3))):
            cell = made.task(model, seed % 2, recipe=recipe)
            record = run.learnt(cell, made.answers_with(0.9, seed=seed))
            record.estimates["learning_rate"] = exact(rate, "1", "best of the grid")
        table = shown(run.save(tmp_path / str(len(rates))))
        assert [table[model].get("learning rate") for model in ("a", "b")] == chosen


def test_the_best_is_tested_against_each_other_over_the_seeds_that_both_have(task_report):
    contest = contests_of(task_report)[0]
    assert len(contest.comparisons) == 6 and contest.problems == []
    pairs = {entrant.name: contest.against_best(entrant) for entrant in contest.entrants}
    assert pairs["vio_tiny"] is None and pairs["convnext_femto"] is None
    told = {name: (pair.told_apart, len(pair.paired.by_seed)) for name, pair in pairs.items() if pair}
    assert told == {"vit_tiny_patch16_224": (False, 3), "resnet10t": (True, 3), "mambaout_femto": (True, 2)}
    assert pairs["resnet10t"].paired.difference == pytest.approx(-0.16)
    assert all(pair.p_holm >= pair.paired.p for pair in contest.comparisons)


def test_a_difference_is_the_models_less_the_best_wherever_it_stands_in_the_plan(small):
    for models in ({"a": 0.9, "b": 0.8}, {"b": 0.8, "a": 0.9}):
        row = paired_table(contests_of(small(models))[0]).rows[0]
        assert row[0] == "b" and row[1].startswith("−10.0 (") and int(row[3]) - int(row[4]) == -40


def test_the_summary_says_who_leads_and_who_is_not_shown_to_beat_the_baseline(task_report, small):
    said = accuracy_summary(contests_of(task_report))[0]
    assert "vio_tiny has the highest accuracy" in said and "can't tell vit_tiny_patch16_224 from it" in said
    assert (
        "not shown to beat the baseline (logistic regression, 90.0 %): resnet10t; no accuracy of convnext_femto" in said
    )
    clear = accuracy_summary(contests_of(small({"a": 0.98, "b": 0.7})))[0]
    assert "a is the most accurate: 98.0 %" in clear and clear.endswith("90.0 %): b.")


def test_the_baseline_is_beaten_only_by_a_whole_interval(small):
    table = shown(small({"below": 0.8, "near": 0.92, "above": 0.96}))
    verdicts = {name: row["beats baseline"] for name, row in table.items()}
    assert verdicts == {"above": "yes", "near": "not shown", "baseline: logistic regression": "–", "below": "no, below"}


def test_a_shortcut_stands_beside_the_baseline_and_who_is_no_better_is_named(made, tmp_path):
    run = made.run("dna", "Who?", made.task_axes)
    run.tasks = [made.card(shortcut=SimpleModel(name="the length alone", accuracy=0.8, source="a tree"))]
    for model, right in (("content", 0.95), ("near", 0.82), ("counts", 0.7)):
        run.learnt(made.task(model), made.answers_with(right, 400, 0))
    folder = run.save(tmp_path / "run")
    table = shown(folder)
    beside = ["baseline: logistic regression", "near", "shortcut: the length alone"]
    assert list(table) == ["content", *beside, "counts"]
    said = accuracy_summary(contests_of(folder))[0]
    assert said.endswith("not shown to beat what the length alone tells (80.0 %): near and counts.")
    text = reports.write_report(folder, ["md", "html", "csv"]).read_text()
    page = (folder / "report.html").read_text()
    assert page.count("80.0 %") >= 3  # the summary, the table, and the models' own
    assert "Shortcut: the length alone, 80.0 %: a tree." in text
    told = pandas.read_csv(folder / "tables/accuracy.csv").set_index("kind")
    assert told.loc["shortcut", ["series", "accuracy"]].tolist() == ["the length alone", 0.8]
    assert told.loc["model", "beats_shortcut"].tolist() == ["yes", "open", "no"]


def test_one_model_is_compared_with_nobody(small):
    folder = small({"a": 0.95}, seeds=(0, 1))
    contest = contests_of(folder)[0]
    assert paired_table(contest) is None and contest.comparisons == []
    text = reports.write_report(folder).read_text()
    assert "a reaches 95.0 %" in text and "it beats the baseline" in text
    assert "Against the best" not in text and "highest" not in text


def test_one_seed_says_what_it_can_not_say(small, task_report):
    folder = small({"a": 0.95, "b": 0.9})
    text = reports.write_report(folder).read_text()
    assert "a single seed says nothing of what another would give" in text and "exact McNemar test" in text
    assert "seed 0" not in text and "difference by seed" not in text
    assert "a single seed says" not in (task_report / "report.md").read_text()


def test_the_same_answers_are_p_1_and_nobody_leads(made, tmp_path):
    run = made.run("accuracy", "Who?", made.task_axes)
    run.tasks = [made.card()]
    for model in ("a", "b"):
        run.learnt(made.task(model), made.answers_with(0.95))
    folder = run.save(tmp_path / "run")
    assert shown(folder)["b"]["p against best"] == "1"
    assert "can't tell b from it" in accuracy_summary(contests_of(folder))[0]


def test_answers_that_are_gone_or_of_another_run_are_said_and_break_nothing(made, small):
    folder = small({"a": 0.95, "b": 0.9, "c": 0.8, "d": 0.7})
    kept = {
        a.series: predictions_file(folder / TRAINING / a.planned.identity, 32) for a in answers(read_results(folder))
    }
    kept["b"].unlink()
    kept["c"].write_bytes(b"not safetensors")
    kept["d"].write_bytes(dump_predictions(made.predictions([True] * 400)))
    text = reports.write_report(folder).read_text()
    assert "b: its answers to the test examples are not there" in text
    assert "c: its answers to the test examples are not there, or can't be read" in text
    assert "d: the answers that were kept are not those of its record" in text
    assert "no paired test with b, c and d" in text and str(folder) not in text
    assert shown(folder)["b"]["accuracy"].startswith("90.0 %")


def test_answers_to_other_examples_are_not_compared(made, tmp_path):
    run = made.run("accuracy", "Who?", made.task_axes)
    run.learnt(made.task("a"), [True] * 300 + [False] * 100)
    run.learnt(made.task("b"), [True] * 300)
    contest = contests_of(run.save(tmp_path / "run"))[0]
    assert contest.comparisons == [] and "a and b: the two answered different test examples" in contest.problems[0]


@pytest.mark.parametrize("measured", [False, True])
def test_a_run_in_which_nothing_was_learnt_still_renders(made, tmp_path, measured):
    run = made.run("accuracy", "Who?", made.task_axes)
    run.tasks = [made.card()]
    for model in ("a", "b"):
        if measured:
            run.add(made.task(model), status="error", reason="ValueError: no | such\nthing")
        else:
            run.plan(made.task(model))
    folder = run.save(tmp_path / "run")
    text = reports.write_report(folder).read_text()
    status = "error" if measured else "missing"
    assert "Nothing was scored on digits, 32 px, 10 classes." in text
    assert shown(folder)["a"]["status"] == status and status in on_terminal(folder)
    assert "latency" not in on_terminal(folder)


def test_an_unstable_timing_has_an_accuracy_and_a_failure_has_none(small):
    unstable = small({"a": 0.95}, status="unstable", reason="latency is 1 s ± 80 %")
    assert shown(unstable)["a"]["accuracy"].startswith("95.0 %")
    assert shown(small({"a": 0.95}, status="error", reason="its output is not finite"))["a"]["accuracy"] == "–"


@pytest.fixture(scope="module")
def length_report(made, tmp_path_factory):
    """A task of sequences with a label a place, tested at three lengths; its folder with the report."""
    run = made.run("long-range", "Who remembers?", {**made.task_axes, "task": ["mqar"]})
    run.tasks = [made.card("mqar", 64, baseline="a guess", baseline_accuracy=0.1)]
    facts = {"task": "mqar", "reads": "sequence", "input_size": 64, "vocabulary": 100, "channels": None}
    for seed in (0, 1):
        for model, right, far in (("vio/attention", 0.99, 0.9), ("mixer/ssd", 0.7, 0.2)):
            cell = made.task(model, seed, **facts, pooling="", test_sizes=[256, 128])
            run.learnt(cell, made.answers_with(right, 400, seed), places=4, at={128: (right + far) / 2, 256: far})
    folder = run.save(tmp_path_factory.mktemp("lengths") / "run")
    reports.write_report(folder)
    return folder


def test_accuracy_at_each_test_length(length_report):
    contest = contests_of(length_report)[0]
    table = length_table(contest)
    assert table.columns == ["model", "64 (trained)", "128", "256"]
    assert [cell.partition(" (")[0] for cell in table.rows[0]] == ["vio/attention", "99.0 %", "94.5 %", "90.0 %"]
    csv = pandas.read_csv(length_report / "tables/accuracy_by_length.csv")
    assert csv[csv.series == "mixer/ssd"].accuracy.tolist() == pytest.approx([0.7, 0.45, 0.2])
    assert "accuracy by test length" in on_terminal(length_report)


def test_sequences_with_a_label_a_place_are_compared_by_what_the_table_says(length_report):
    contest = contests_of(length_report)[0]
    paired = contest.comparisons[0].paired
    assert (paired.examples, paired.test) == (100, "clustered")
    accuracy = {entrant.name: entrant.accuracy.value for entrant in contest.entrants}
    assert paired.difference == pytest.approx(accuracy["vio/attention"] - accuracy["mixer/ssd"])
    text = (length_report / "report.md").read_text()
    assert "A sequence counts by its share of right places" in text and "| whole sequences |" in text
    assert "| it better | the best better |" in text


def test_plots_are_well_formed_and_name_every_model(length_report, task_report):
    for folder, kind in ((length_report, "length"), (task_report, "latency")):
        (plot,) = (folder / "plots").glob(f"accuracy-{kind}-*.svg")
        said = " ".join(ElementTree.parse(plot).getroot().itertext())
        for entrant in contests_of(folder)[0].entrants:
            assert (entrant.name in said) == (entrant.accuracy is not None)
        assert "baseline: " in said and plot.with_suffix(".png").is_file()
        assert f"](plots/{plot.name})" in (folder / "report.md").read_text()
    assert not list((task_report / "plots").glob("accuracy-length*"))


def test_the_report_says_what_the_data_are_and_how_all_were_trained(task_report):
    text = (task_report / "report.md").read_text()
    for said in ("1,000 to train, 100 to choose", "12 twins across the split", "2 corrupt images left out", "CC BY 4.0",
                 "AdamW for 3 epochs", "the best of the learning rates 0.001, 0.003", "11 of 15 cells measured",
                 "no answer within 60 s"):  # fmt: skip
        assert said in text, said
    for unsaid in ("photographs", "exponent to fit", "Scaling with", "accuracy_p90", "vio_tiny + seed 0"):
        assert unsaid not in text, unsaid


def test_timings_of_tasks_are_as_ever(task_report):
    text = (task_report / "report.md").read_text()
    assert "resnet10t is fastest: 3.0" in text and "| vio_tiny + seed 1 |" in text
    group = answers(read_results(task_report))
    assert not [entry for entry in exponents(group) if entry.planned > 1]
    terminal = on_terminal(task_report)
    assert "latency (cpu, 2 threads, digits, batch 1), ms" in terminal
    assert max(map(len, terminal.splitlines())) <= 100


def test_tables_of_params_say_their_task_where_there_are_several(made, tmp_path, small):
    run = made.run("accuracy", "Who learns?", {**made.task_axes, "task": ["digits", "cifar10"]})
    for task in ("digits", "cifar10"):
        run.learnt(made.task("a", 0, task=task), made.answers_with(0.9, 400, 0))
    said = on_terminal(run.save(tmp_path / "several"))
    assert "MACs (cpu, 2 threads, digits, batch 1)" in said and "MACs (cpu, 2 threads, cifar10, batch 1)" in said
    assert "MACs (" not in on_terminal(small({"a": 0.9}))


def test_ticks_of_latency_do_not_run_into_each_other(made, tmp_path):
    run = made.run("accuracy", "Who learns?", made.task_axes)
    for model, latency in (("a", 0.02), ("b", 0.45)):
        run.learnt(made.task(model, 0), made.answers_with(0.9, 400, 0), latency=latency)
    folder = run.save(tmp_path / "run")
    reports.write_report(folder)
    (plot,) = (folder / "plots").glob("accuracy-latency-*.svg")
    said = " ".join(ElementTree.parse(plot).getroot().itertext())
    assert "50 ms" in said and "200 ms" in said and "150 ms" not in said


def test_several_input_sizes_have_a_contest_each_and_an_exponent(made, tmp_path):
    run = made.run("accuracy", "Who?", made.task_axes)
    for size in (32, 64):
        run.learnt(made.task("a", input_size=size), [True] * 90 + [False] * 10, latency=size / 1e4)
    text = reports.write_report(run.save(tmp_path / "run"), ["md"]).read_text()
    assert text.count("\n### digits, ") == 4 and "## Scaling with sequence length" in text and "| a | 0.5" in text


def test_csv_has_plain_numbers_and_the_frame_a_task(task_report):
    table = pandas.read_csv(task_report / "tables/accuracy.csv").set_index("series")
    assert table.loc["logistic regression", ["kind", "accuracy"]].tolist() == ["baseline", 0.9]
    vio = table.loc["vio_tiny"]
    assert (vio.accuracy, vio.seeds, vio.examples, vio.params) == (pytest.approx(0.9625), 3, 400, 5_000_000)
    assert vio.accuracy_low < 0.9625 < vio.accuracy_high and bool(vio.best)
    assert table.loc["convnext_femto", "reason"] == "no answer within 60 s"
    assert len(pandas.read_csv(task_report / "tables/accuracy_pairs.csv")) == 6
    assert not [
        name for name in pandas.read_csv(task_report / "tables/comparison.csv") if re.match("accuracy_p[0-9]", name)
    ]
    frame = reports.load(task_report)
    assert set(frame.task) == {"digits"} and set(frame.classes) == {10}
    assert frame[frame.metric == "accuracy"].value.between(0.7, 1).all()


def test_the_same_records_give_the_same_bytes(task_run, task_report, tmp_path):
    def files(folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    again = task_run.save(tmp_path / "again")
    reports.write_report(again)
    assert files(again) == files(task_report)


def test_hostile_names_do_no_harm(made, tmp_path):
    run = made.run("accuracy", f"Is {HOSTILE} safe?", made.task_axes)
    card = {"baseline": HOSTILE, "notes": [HOSTILE], "licence": HOSTILE, "about": HOSTILE, "leaks": HOSTILE}
    run.tasks = [made.card(HOSTILE, **card, split=HOSTILE, baseline_source=HOSTILE)]
    for model, right in ((HOSTILE, 0.9), ("=1+1", 0.8), ("@c", 0.7)):
        run.learnt(
            made.task(model, task=HOSTILE, test_sizes=[64]), made.answers_with(right), at={64: 0.5}, family=HOSTILE
        )
    folder = run.save(tmp_path / "run")
    text = reports.write_report(folder).read_text()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert not {c.type for t in tokens for c in t.children or []} & {"html_inline", "link_open"}
    folds = [token.content for token in tokens if token.type == "html_block"]
    allowed = re.compile(r"<details><summary>Verdicts: \d+ rows?</summary>\n|</details>\n")
    assert folds and all(allowed.fullmatch(fold) for fold in folds)
    verdicts = sum("<summary>" in fold for fold in folds)
    assert sum(token.type == "table_open" for token in tokens) == verdicts + 3 + 1 + 2
    for csv in (folder / "tables").glob("*.csv"):
        cells = pandas.read_csv(csv, dtype=str, keep_default_na=False).to_numpy().ravel()
        numbers = re.compile(r"-?[\d.]+(e[+-]?\d+)?")
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not numbers.fullmatch(cell)]
    for plot in (folder / "plots").glob("*.svg"):
        ElementTree.parse(plot)
    assert "[red]" in on_terminal(folder)


def test_reports_of_accuracy_never_load_torch():
    code = (
        "import reports.accuracy.tables, reports.accuracy.text, reports.accuracy.summary, sys;"
        "print([m for m in ('torch', 'timm') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
