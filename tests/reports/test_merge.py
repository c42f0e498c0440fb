"""Runs merged: nothing lost, nothing mixed, disagreement refused."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import reports
from baselines.errors import UsageError
from reports.accuracy.contests import contests
from reports.answers import answers
from reports.markdown import render
from reports.merging.conflicts import disagreement
from reports.merging.folder import write_merged
from reports.merging.merge import merged
from reports.ratios import ratio, references
from reports.tables import comparison
from suites.estimate import exact, share
from suites.fingerprint import Environment
from suites.predictions import predictions_file
from suites.record import Status
from suites.results import Results, read_results
from suites.task_axes import SimpleModel

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def told(run: Any, name: str, hour: int = 0, **machine: Any) -> Results:
    """What `run` holds as a run of its own: under its own id, at its own time, perhaps on another machine."""
    results = run.results(Path(name))
    started = NOON + timedelta(hours=hour)
    (own,) = results.environment.machines.values()
    where = own.model_copy(update=machine)
    records = [
        record.model_copy(update={"run": name, "fingerprint": where.id, "started": started, "ended": started})
        for record in results.records
    ]
    session = results.environment.sessions[0].model_copy(update={"machine": where.id, "started": started})
    plan = results.plan.model_copy(update={"run": name, "created": started})
    return replace(
        results, plan=plan, records=records, environment=Environment(machines={where.id: where}, sessions=[session])
    )


def save(results: Results, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(results.plan.model_dump_json())
    (folder / "environment.json").write_text(results.environment.model_dump_json())
    (folder / "records.jsonl").write_text("".join(record.model_dump_json() + "\n" for record in results.records))
    return folder


def pair(made: Any, seconds: float = 0.02, seed: int = 1, **other: Any) -> Any:
    """Two models at one size."""
    run = made.run()
    run.add(made.cell(), {"latency": made.noisy(seconds, seed), "params": made.count(5.7e6), **other})
    run.add(made.cell("vio_tiny"), {"latency": made.noisy(seconds / 2, seed + 1)}, family="vio")
    return run


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_order_and_the_steps_of_a_merge_change_nothing(made, tmp_path):
    run = pair(made)
    run.plan(made.cell("resnet10t"), "resnet")
    folders = [
        save(told(run, "one"), tmp_path / "a"),
        save(told(pair(made, seed=5), "two", 1, ram_bytes=2**30), tmp_path / "b"),
        save(told(pair(made, 0.2), "three", 2, cpu="Slow CPU"), tmp_path / "c"),
    ]
    wanted = content(write_merged(folders, tmp_path / "all").folder)
    for number, order in enumerate(itertools.permutations(folders)):
        assert content(write_merged(order, tmp_path / f"order-{number}").folder) == wanted
    two = write_merged(folders[1:], tmp_path / "two").folder
    assert content(write_merged([two, folders[0], folders[1]], tmp_path / "steps").folder) == wanted
    assert content(write_merged([tmp_path / "all"], tmp_path / "again").folder) == wanted
    assert content(write_merged(folders, tmp_path / "all").folder) == wanted  # over itself


def test_machines_are_never_mixed(made, tmp_path):
    fast, slow = told(pair(made, 0.01), "fast"), told(pair(made, 0.1), "slow", 1, cpu="AMD EPYC 7B13 64-Core Processor")
    results = merged([fast, slow])
    group = answers(results)
    assert len(results.plan.cells) == 2 and len(group) == 4 and len({answer.key for answer in group}) == 4
    settings = {answer.machine: answer.setting for answer in group}
    assert "EPYC 7B13 " in settings[slow.records[0].fingerprint] and "Example " in settings[fast.records[0].fingerprint]
    for answer, reference in ((a, references(group)[a.key]) for a in group):
        assert answer.machine == reference.machine
    across = [a for a in group if a.cell.model == "vio_tiny"]
    assert ratio(across[0], across[1], "latency") is None
    assert comparison(group).groupby("setting").size().tolist() == [2, 2]
    table = reports.load(save(results, tmp_path / "run"))
    assert table.machine.nunique() == table.run.nunique() == table.setting.nunique() == 2
    slowest = table[(table.metric == "latency") & (table.run == "slow")].value.min()
    assert slowest > table[(table.metric == "latency") & (table.run == "fast")].value.max()


def test_runs_of_one_machine_keep_its_settings_and_compare_within_their_own_blocks(made):
    first = made.run()
    first.add(made.cell(), {"latency": made.noisy(0.02, 1)})
    first.add(made.cell("vio_tiny"), {"latency": made.noisy(0.01, 2)}, family="vio")
    second = made.run("mine")
    second.add(made.cell(), {"latency": made.noisy(0.02, 3)})
    second.add(made.cell("my_net"), {"latency": made.noisy(0.04, 4)}, family="mine")
    group = answers(merged([told(first, "one"), told(second, "two", 1)]))
    assert {answer.setting for answer in group} == {"cpu, 2 threads, batch 1"} and len(group) == 3
    compared = references(group)
    by_model = {a.cell.model: ratio(a, compared[a.key], "latency") for a in group}
    assert by_model["vio_tiny"].value == pytest.approx(0.5, rel=0.05)  # with the ViT that ran beside it
    assert by_model["my_net"].value == pytest.approx(2, rel=0.05)
    vit, vio, mine = (
        next(a for a in group if a.cell.model == name) for name in ("vit_tiny_patch16_224", "vio_tiny", "my_net")
    )
    assert vit.record.run == "two" and ratio(vio, mine, "latency") is None


def test_equal_records_are_kept_once_and_of_agreeing_ones_the_later_counts(made):
    one, again = told(pair(made), "one"), told(pair(made, seed=9), "two", 1)
    results = merged([one, told(pair(made), "one"), again])
    assert len(results.records) == 4
    assert {answer.record.run for answer in answers(results)} == {"two"}


def test_a_later_failure_does_not_hide_an_answer(made):
    failed = made.run()
    failed.add(made.cell(), status="crashed", reason="killed")
    failed.add(made.cell("new"), status="oom", reason="too large")
    found = answers(merged([told(pair(made), "one"), told(failed, "two", 1)]))
    assert {a.cell.model: a.status for a in found} == {"vit_tiny_patch16_224": "ok", "vio_tiny": "ok", "new": "oom"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"params": exact(5.8e6, "1", "counted")}, "params 5,700,000 and 5,800,000"),
        ({"latency": None}, "latency 20"),
    ],
)
def test_duplicates_that_disagree_are_refused(made, tmp_path, change, said):
    change = {name: value or made.noisy(0.04, 3) for name, value in change.items()}
    folders = [
        save(told(pair(made), "one"), tmp_path / "a"),
        save(told(pair(made, **change), "two", 1), tmp_path / "b"),
    ]
    with pytest.raises(UsageError) as caught:
        write_merged(folders, tmp_path / "out")
    assert all(
        part in str(caught.value) for part in (said, str(folders[0]), str(folders[1]), "vit_tiny_patch16_224 @ 224 px")
    )
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    elsewhere = told(pair(made, **change), "two", 1, cpu="Other")
    assert len(merged([told(pair(made), "one"), elsewhere]).records) == 4  # another machine may say something else


def test_only_intervals_that_exclude_each_other_disagree(made):
    def record(estimate: Any) -> Any:
        return made.run().add(made.cell(), {"figure": estimate})

    near, far = made.noisy(0.0201, 2), made.noisy(0.03, 2)
    assert disagreement(record(made.noisy(0.02, 1)), record(near)) == ""
    assert disagreement(record(made.noisy(0.02, 1)), record(far)) != ""
    six = [made.noisy(value, 1, processes=6) for value in (0.02, 0.022)]
    assert disagreement(record(six[0]), record(six[1])) != ""
    alone = [made.noisy(value, 1, processes=1) for value in (0.02, 0.03)]  # nothing is known between processes
    assert disagreement(record(alone[0]), record(alone[1])) == ""
    shares = [share(right, 400, "1", "of test examples") for right in (380, 384, 320)]
    assert disagreement(record(shares[0]), record(shares[1])) == ""
    assert disagreement(record(shares[0]), record(shares[2])) != ""
    assert disagreement(record(exact(1.0, "s", "counted")), record(exact(1.0, "B", "counted"))) != ""


def test_a_plan_that_says_nothing_of_a_shortcut_is_an_older_one(made):
    told_of = SimpleModel(name="the length alone", accuracy=0.8, source="a tree")
    several = []
    for name, shortcut in (("old", None), ("new", told_of)):
        run = made.run("dna", "Who?", made.task_axes)
        run.tasks = [made.card(shortcut=shortcut)]
        run.learnt(made.task(name), made.answers_with(0.9, 400, 0))
        several.append(told(run, name))
    for order in (several, several[::-1]):
        assert [card.shortcut for card in merged(order).plan.tasks] == [told_of]


def test_what_one_run_could_and_another_could_not_is_a_disagreement(made):
    could = made.run().add(made.cell(), {"export_error": exact(1e-7, "1", "counted")})
    failed = made.run().add(made.cell(), warnings=[made.warning("export_failed", "export_error", "no operator")])
    silent = made.run().add(made.cell(), warnings=[made.warning("busy", "export_error", "other work")])
    both = made.run().add(
        made.cell(),
        {"export_error": exact(1e-7, "1", "counted")},
        warnings=[made.warning("export_failed", "export_error")],
    )
    assert disagreement(could, failed) == disagreement(failed, could) != ""
    assert disagreement(could, silent) == disagreement(both, both) == ""


def test_what_trained_cells_kept_goes_along_and_the_tests_come_out_the_same(made, task_run, tmp_path):
    one = task_run.save(tmp_path / "one")
    kept = next((one / "training").iterdir())
    (kept / "history.jsonl").write_text('{"epoch": 1}\n')
    (kept / "best.safetensors").write_text("weights")
    (kept / "history.jsonl.link").symlink_to(kept / "best.safetensors")
    two = save(told(pair(made), "two", 1, cpu="Other"), tmp_path / "two")
    results = write_merged([one, two], tmp_path / "out")
    copied = {path.name for path in (tmp_path / "out" / "training" / "made-up" / kept.name).iterdir()}
    assert copied == {"history.jsonl", predictions_file(kept, 32).name}
    alone, (together,) = read_results(one), contests(results, answers(results))
    (before,) = contests(alone, answers(alone))
    assert not together.problems
    assert [pair.paired for pair in together.comparisons] == [pair.paired for pair in before.comparisons]
    in_memory = merged([read_results(one), read_results(two)])
    assert contests(in_memory, answers(in_memory))[0].comparisons == together.comparisons


def test_one_task_learnt_in_two_ways_is_two_contests(made):
    runs = []
    for number, epochs in enumerate((3, 10)):
        run = made.run("accuracy", workload=made.task_axes)
        recipe = made.task("a").workload.recipe.model_copy(update={"epochs": epochs})
        run.learnt(made.task("vio_tiny", recipe=recipe), made.answers_with(0.9 + number / 100))
        runs.append(told(run, f"run-{number}", number))
    results = merged(runs)
    found = contests(results, answers(results))
    assert [contest.setting.rpartition(", ")[2] for contest in found] == ["epochs 3", "epochs 10"]
    assert [len(contest.entrants) for contest in found] == [1, 1]


def test_one_model_in_two_configurations_is_two_series(made):
    runs = []
    for number, depth in enumerate((4, 8)):
        run = made.run()
        for size in (128, 224):
            run.add(made.cell("mine", size, config={"depth": depth, "size": size}), {"macs": made.count(size * depth)})
        run.add(made.cell("other", config={"depth": depth}), {"macs": made.count(7)}) if not number else None
        runs.append(told(run, f"run-{number}", number))
    group = answers(merged(runs))
    assert {answer.series for answer in group} == {"mine + depth 4", "mine + depth 8", "other"}


def test_what_is_missing_stays_missing_on_its_machine(made):
    half = made.run()
    half.add(made.cell(), {"latency": made.noisy(0.02, 1)})
    half.plan(made.cell("vio_tiny"), "vio")
    one, two = told(half, "half"), told(pair(made), "whole", 1, cpu="Other")
    statuses = {(a.machine, a.cell.model): a.status for a in answers(merged([one, two]))}
    assert statuses[next(iter(one.environment.machines)), "vio_tiny"] == "missing"
    assert statuses[next(iter(two.environment.machines)), "vio_tiny"] == "ok"
    unbegun = replace(told(half, "none", 2), records=[], environment=Environment(machines={}, sessions=[]))
    assert sorted(a.status for a in answers(merged([told(pair(made), "one"), unbegun]))) == ["ok", "ok"]


def test_a_retry_on_another_machine_replaces_the_failure(made):
    results = told(pair(made), "one")
    crashed = results.records[0].model_copy(
        update={"status": Status.CRASHED, "reason": "killed", "fingerprint": "0" * 12}
    )
    again = replace(results, records=[crashed, *(r.model_copy(update={"attempt": 2}) for r in results.records)])
    assert [answer.status for answer in answers(again)] == ["ok", "ok"]


def test_data_that_differ_are_refused(made, tmp_path):
    runs = []
    for number, test in enumerate((400, 360)):
        run = made.run("accuracy", workload=made.task_axes)
        run.learnt(made.task(f"model-{number}"), made.answers_with(0.9))
        run.tasks = [made.card(test=test)]
        runs.append(told(run, f"run-{number}", number))
    with pytest.raises(
        UsageError, match=r"run-0 and run-1 differ in the data of task digits at 32: test is 400 and 360"
    ):
        merged(runs)


@pytest.mark.parametrize("name", ["../escape", "a/b", "..", ""])
def test_a_run_whose_id_is_no_name_is_refused(made, name):
    with pytest.raises(UsageError, match="can't be the id of a run"):
        merged([told(pair(made), name)])


def test_other_refusals_say_what_to_do(made, tmp_path):
    one, other = told(pair(made), "one"), told(pair(made), "one", 3)
    with pytest.raises(UsageError, match="both hold run one, with different plans"):
        merged([one, other])
    with pytest.raises(UsageError, match="nothing to merge"):
        merged([])
    stray = replace(one, records=[one.records[0].model_copy(update={"run": "two"})])
    with pytest.raises(UsageError, match="has a record of run two; was it altered"):
        merged([stray])
    folder = save(one, tmp_path / "a")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="holds something else"):
        write_merged([folder], tmp_path / "taken")
    with pytest.raises(UsageError, match="holds something else"):
        write_merged([folder], folder)
    (tmp_path / "empty").mkdir()
    assert write_merged([folder], tmp_path / "empty").plan.merged
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't write"):
        write_merged([folder], tmp_path / "file" / "out")


def test_a_schema_of_another_version_is_one_clear_line(made, tmp_path):
    folder = save(told(pair(made), "one"), tmp_path / "a")
    path = folder / "records.jsonl"
    first, second = path.read_text().splitlines()
    for version, words in ((1, "older than this vio-bench reads"), (3, "newer than this vio-bench reads")):
        path.write_text(f"{first}\n" + second.replace('"schema_version":2', f'"schema_version":{version}', 1) + "\n")
        with pytest.raises(UsageError, match=rf"records.jsonl:2: schema {version} is {words}") as caught:
            write_merged([folder], tmp_path / "out")
        assert "\n" not in str(caught.value)


def test_a_report_of_merged_runs_names_every_suite_and_its_method(made, task_run, tmp_path):
    folders = [task_run.save(tmp_path / "one"), save(told(pair(made), "two", 1, cpu="Other"), tmp_path / "two")]
    out = write_merged(folders, tmp_path / "out").folder
    text = render(read_results(out), (), {}, out)
    assert text.startswith("# vio-bench: accuracy, scaling\n")
    assert "**Who is most accurate?**" in text and "**How does it grow?**" in text
    assert (
        "merged from 2 runs" in text
        and "accuracy: Accuracy: every model learnt" in text
        and "scaling: Input: photographs" in text
    )
    assert {name for name in ("Example ", "Other ") if name in text} == {"Example ", "Other "}
