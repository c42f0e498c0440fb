"""Suites that train: their cells are cells as all others."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import yaml

from bench.cell_process import work
from bench.job import Findings
from bench.probes.accuracy import _at_the_edge, _share
from bench.run import missing
from bench.store import Store
from bench.training.sweep import Trial
from suites.predictions import Predictions, load_predictions, predictions_file
from suites.record import Status
from suites.results import TRAINING, read_results
from tests.bench.conftest import QUICK, Command, Start
from tests.bench.trained import THIN, cell_of, train_job
from tests.suites.builders import make_plan, make_record


def _suite(folder: Path, **changes: Any) -> Path:
    suite = {
        "name": "learn",
        "question": "does it learn?",
        "models": ["vio_nano"],
        "seed": [0, 1],
        "workload": {"kind": "task", "task": ["digits"], "input_size": [32], "recipe": {"steps": 12, "batch": 16}},
        "threads": 1,
        "metrics": ["params", "accuracy"],
        "protocol": QUICK,
    }
    path = folder / "learn.yaml"
    path.write_text(yaml.safe_dump({**suite, **changes}))
    return path


def _only_folder(path: Path) -> Path:
    (folder,) = (path / "results").iterdir()
    return folder


def test_a_suite_of_tasks_gives_accuracy_beside_params(command: Command, tmp_path: Path) -> None:
    done = command("run", "--suite", _suite(tmp_path))
    assert done.returncode == 0, done.stderr
    results = read_results(_only_folder(tmp_path))
    assert [card.task for card in results.plan.tasks] == ["digits"]
    for record in results.latest().values():
        accuracy = record.estimates["accuracy"]
        answers = load_predictions(predictions_file(results.folder / TRAINING / record.identity, 32))
        assert accuracy.samples == [[float(answers.correct.sum()), 359.0]]
        assert record.estimates["train_steps"].value == 12
        assert record.estimates["train_time"].value > 0
        assert record.estimates["params"].exact


def test_a_killed_training_goes_on_and_comes_to_the_same_answers(
    command: Command, start: Start, tmp_path: Path
) -> None:
    recipe = {"steps": 100, "batch": 32}  # two and a half epochs, and it is killed after the first
    workload = {"kind": "task", "task": ["digits"], "input_size": [32], "recipe": recipe}
    suite = _suite(tmp_path, seed=[0], workload=workload)
    process = start(tmp_path, "run", "--suite", suite)
    history = _first_epoch(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert history.read_text().count("\n") < 3  # it was killed on the way
    folder = _only_folder(tmp_path)
    assert command("run", "--resume", folder).returncode == 0
    other = tmp_path / "unbroken"
    assert command("run", "--suite", suite, "--out", other).returncode == 0
    (unbroken,) = other.iterdir()
    (one,), (two,) = read_results(folder).latest().values(), read_results(unbroken).latest().values()
    assert one.identity == two.identity
    paths = (predictions_file(f / TRAINING / one.identity, 32) for f in (folder, unbroken))
    killed, whole = (load_predictions(path).probability.tolist() for path in paths)
    assert killed == whole


def test_places_of_a_sequence_are_no_trials_of_their_own() -> None:
    """Two sequences of four places: 6 of 8 right answers are 1.5 of 2, and so are those among the best five."""
    labels = np.zeros(8, dtype=np.int64)
    right = np.array([1, 1, 1, 1, 1, 1, 0, 0], dtype=bool)
    ones = np.ones(8, dtype=np.float32)
    answers = Predictions(np.repeat([0, 1], 4), labels, np.where(right, 0, 1), ones, right, ones)
    found = Findings()
    _share(found, "accuracy_top5", answers, answers.in_top5, "counted")
    assert found.readings[0].samples == (1.5, 2.0)


@pytest.mark.parametrize(
    ("rates", "best", "said"),
    [
        ((0.001, 0.003, 0.01), 0.01, "the best learning rate, 0.01, is the highest that was tried"),
        ((0.003, 0.001, 0.01), 0.001, "the best learning rate, 0.001, is the lowest that was tried"),
        ((0.001, 0.003, 0.01), 0.003, None),
        ((0.001, 0.003), 0.003, None),
        ((), 0.003, None),
    ],
)
def test_a_best_rate_at_the_edge_of_the_grid_is_warned_of(
    rates: tuple[float, ...], best: float, said: str | None
) -> None:
    trials = [Trial(lr=rate, accuracy=0.5, loss=abs(rate - best), seconds=1.0) for rate in rates]
    warnings = _at_the_edge(best, trials)
    assert [(warning.metric, warning.message) for warning in warnings] == ([("accuracy", said)] if said else [])


def _first_epoch(folder: Path) -> Path:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for path in folder.glob("results/*/training/*/history.jsonl"):
            if path.stat().st_size:
                return path
        time.sleep(0.05)
    raise AssertionError("no epoch ended in two minutes")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": ["params"]}, "a suite of tasks has nothing to learn without the metric 'accuracy'"),
        ({"metrics": ["embeddings"]}, "'embeddings' needs the metric 'accuracy', which trains the model"),
        ({"precision": ["bf16"]}, "a suite of tasks is timed in fp32"),
        (
            {"workload": {"image_size": [32]}, "metrics": ["accuracy"]},
            "'accuracy' needs something to learn: give the workload 'kind: task', a task and a recipe",
        ),
        (
            {"workload": {"kind": "task", "task": ["digit"], "recipe": {"steps": 1}}},
            "unknown task 'digit': did you mean digits",
        ),
        (
            {"workload": {"kind": "task", "task": ["digits"], "recipe": {"steps": 1, "epochs": 1}}},
            "give exactly one of epochs, steps, time_budget_s, not epochs and steps",
        ),
        (
            {"workload": {"kind": "task", "task": ["digits"], "recipe": {"steps": 1, "precision": "fp16"}}},
            "precision: fp16 is not for training on a cpu; take bf16 or fp32",
        ),
        (
            {
                "models": ["vio_seq_mamba"],
                "workload": {
                    "kind": "task",
                    "task": ["mqar"],
                    "input_size": [64],
                    "recipe": {"steps": 1, "mixup": 0.2},
                },
            },
            "mixup: it blends images with one label each, which mqar has not; turn it off",
        ),
        (
            {"workload": {"kind": "task", "task": ["digits"], "recipe": {"steps": 1, "lr_gird": [0.1]}}},
            "unknown key 'lr_gird'; did you mean lr_grid?",
        ),
        ({"models": ["vio_dna"]}, "'vio_dna' takes sequences"),
    ],
)
def test_what_can_not_be_learnt_is_said_before_anything_runs(
    command: Command, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    done = command("run", "--suite", _suite(tmp_path, **changes))
    assert done.returncode == 2
    assert said in done.stderr
    assert "learn.yaml:" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_budget_out_of_range_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("run", "--suite", _suite(tmp_path), "--time-budget", "1e9")
    assert done.returncode == 2
    assert "--time-budget: Input should be less than or equal to 2592000" in done.stderr


def test_samples_that_were_left_out_are_named_before_anything_runs(command: Command, tmp_path: Path) -> None:
    rows = [f"{number:08b}".replace("0", "A").replace("1", "C") + f",{number % 2}" for number in range(100)]
    (tmp_path / "own.csv").write_text("\n".join(["sequence,label", *rows, "ACE!,1\n"]))
    workload = {
        "kind": "task",
        "task": [f"csv:{tmp_path}/own.csv"],
        "input_size": [8],
        "recipe": {"steps": 1, "batch": 8},
    }
    done = command("run", "--suite", _suite(tmp_path, models=["vio_dna"], seed=[0], workload=workload))
    assert done.returncode == 0, done.stderr
    assert "own.csv: 1 with unknown letters, left out: own.csv:102" in " ".join(done.stderr.split())


def test_data_that_changed_since_the_plan_are_refused(command: Command, tmp_path: Path) -> None:
    assert command("run", "--suite", _suite(tmp_path, seed=[0])).returncode == 0
    folder = _only_folder(tmp_path)
    (folder / "records.jsonl").unlink()
    plan = json.loads((folder / "plan.json").read_text())
    from suites.cell import Cell, identity

    for planned in plan["cells"]:
        planned["cell"]["workload"]["data"] = "0" * 16
        planned["identity"] = identity(Cell.model_validate(planned["cell"]))
    (folder / "plan.json").write_text(json.dumps(plan))
    done = command("run", "--resume", folder)
    assert done.returncode == 2
    assert "the data of digits changed since this run was planned" in done.stderr
    assert "Traceback" not in done.stderr and not (folder / "records.jsonl").exists()


@pytest.mark.parametrize("fault", ["data", "checkpoint"])
def test_a_training_whose_files_can_be_mended_is_tried_again(tmp_path: Path, fault: str) -> None:
    cell = cell_of("vio_nano", "digits", 32, **THIN)
    if fault == "data":
        cell = cell.model_copy(update={"workload": cell.workload.model_copy(update={"data": "0" * 16})})
    else:
        (tmp_path / "last.safetensors").write_bytes(b"torn")
    outcome = work(train_job(cell, tmp_path, "accuracy"))
    assert outcome.status is Status.INTERRUPTED
    assert outcome.reason and {"data": "resume", "checkpoint": "remove"}[fault] in outcome.reason


def test_a_training_that_ran_out_of_time_is_gone_on_with_and_a_timing_is_not(tmp_path: Path) -> None:
    plan = make_plan(("a", "b"))
    records = [make_record(planned, Status.TIMEOUT) for planned in plan.cells]
    (tmp_path / TRAINING / plan.cells[1].identity).mkdir(parents=True)
    store = SimpleNamespace(plan=plan, records=records, folder=tmp_path)
    assert missing(cast("Store", store)) == plan.cells[1:]


def test_a_training_that_met_a_full_disk_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.training.files.os.fsync", full)
    outcome = work(train_job(cell_of("vio_nano", "digits", 32, **THIN), tmp_path, "accuracy"))
    assert outcome.status is Status.INTERRUPTED
    assert outcome.reason and "No space left on device; make room" in outcome.reason
