"""The workload of a task, and what a plan keeps of its data."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from suites.recipe import Recipe
from suites.suite import Suite
from suites.task_axes import TaskAxes, card
from suites.task_workload import TaskWorkload
from suites.tasks.loading import data_root, find_task

RECIPE = {"steps": 3, "batch": 8}


def _axes(**changes: object) -> TaskAxes:
    return TaskAxes.model_validate({"kind": "task", "task": ["digits"], "recipe": RECIPE, **changes})


def test_a_task_of_images_becomes_a_workload_of_its_default_size() -> None:
    (workload,) = _axes().workloads()
    assert workload.shape == (1, 1, 32, 32)
    assert (workload.classes, workload.vocabulary, workload.tokens) == (10, None, 4)
    assert workload.label == "digits, 32 px"
    assert len(workload.data) == 16


def test_a_task_of_tokens_becomes_a_workload_with_its_vocabulary_and_further_lengths() -> None:
    (workload,) = _axes(task=["mqar"], input_size=[32], test_sizes=[32, 64]).workloads()
    assert workload.shape == (1, 32)
    assert workload.channels is None
    assert workload.vocabulary is not None
    assert (workload.pooling, workload.test_sizes) == ("", [64])


def test_every_size_is_a_workload_and_other_data_have_another_digest() -> None:
    small, large = _axes(task=["mqar"], input_size=[32, 64]).workloads()
    assert [small.size, large.size] == ["32", "64"]
    assert small.data != large.data
    assert small.block != large.block


def test_the_card_says_what_the_data_are_and_what_stands_beside() -> None:
    (workload,) = _axes().workloads()
    kept = card(workload)
    assert (kept.task, kept.test, len(kept.classes)) == ("digits", 359, 10)
    assert kept.train + kept.validation + kept.test == 1797
    assert 0.9 < kept.baseline_accuracy < 1


def test_a_recipe_needs_exactly_one_budget() -> None:
    with pytest.raises(ValidationError, match="give exactly one of epochs, steps, time_budget_s, not none"):
        Recipe()
    with pytest.raises(ValidationError, match="not epochs and steps"):
        Recipe(epochs=1, steps=2)


def test_the_recipe_is_part_of_what_a_workload_is() -> None:
    (workload,) = _axes().workloads()
    (other,) = _axes(recipe={**RECIPE, "weight_decay": 0.1}).workloads()
    assert workload.model_dump_json() != other.model_dump_json()
    assert TaskWorkload.model_validate_json(workload.model_dump_json()) == workload


def test_a_suite_of_tasks_is_read_like_any_other() -> None:
    written = {
        "name": "mine",
        "question": "?",
        "models": ["vio_nano"],
        "metrics": ["accuracy"],
        "workload": {"kind": "task", "task": ["digits"], "recipe": RECIPE},
    }
    assert isinstance(Suite.model_validate(written).workload, TaskAxes)


def test_a_data_root_that_is_no_folder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIO_BENCH_DATA", "/nowhere/at/all")
    with pytest.raises(Exception, match="VIO_BENCH_DATA=/nowhere/at/all is not a folder"):
        data_root()
    monkeypatch.delenv("VIO_BENCH_DATA")
    assert data_root() is None


def test_an_unknown_task_gets_the_nearest_names() -> None:
    with pytest.raises(Exception, match="unknown task 'digit': did you mean digits"):
        find_task("digit")
