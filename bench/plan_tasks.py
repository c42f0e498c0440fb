"""What only a suite of tasks has to plan: its options, the metrics that learn, and the data that must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from baselines.errors import UsageError
from bench.devices import DEVICES
from bench.probes import PROBES
from bench.probes.task_data import load_planned
from suites.plan import PlannedCell
from suites.recipe import Recipe
from suites.suite import Suite
from suites.task_axes import TaskAxes
from suites.task_workload import TaskWorkload
from suites.tasks.loading import fetch, find_task
from suites.yaml_marks import Location


@dataclass(frozen=True)
class TrainingOptions:
    """What the command line says of training instead of the suite; None leaves the suite's own."""

    tasks: tuple[str, ...] = ()
    epochs: int | None = None
    steps: int | None = None
    time_budget_s: float | None = None
    download: bool = False

    @property
    def given(self) -> dict[str, Any]:
        """Those that were given, by their names on the command line."""
        named = {
            "--task": self.tasks,
            "--epochs": self.epochs,
            "--steps": self.steps,
            "--time-budget": self.time_budget_s,
            "--download": self.download,
        }
        return {name: value for name, value in named.items() if value}


def with_options(suite: Suite, options: TrainingOptions) -> TaskAxes:
    """The suite's tasks and recipe with the options in place."""
    axes, given = suite.workload, options.given
    if not isinstance(axes, TaskAxes):
        raise _trains_not(suite, next(iter(given)))
    budgets = [name for name in given if name in ("--epochs", "--steps", "--time-budget")]
    if len(budgets) > 1:
        raise UsageError(f"{' and '.join(budgets)} say the same in two ways; give one")
    changes: dict[str, object] = {}
    if options.tasks:
        changes |= {"task": list(options.tasks), "input_size": []}
    if budgets:
        changes["recipe"] = _with_budget(axes.recipe, options, budgets[0])
    return axes.model_copy(update=changes)


def _with_budget(recipe: Recipe, options: TrainingOptions, named: str) -> Recipe:
    try:
        return recipe.with_budget(epochs=options.epochs, steps=options.steps, time_budget_s=options.time_budget_s)
    except ValidationError as error:
        raise UsageError(f"{named}: {error.errors(include_url=False)[0]['msg']}") from None


def check_tracked(tracker: str | None, suite: Suite) -> None:
    """Only a training can be tracked."""
    if tracker and not isinstance(suite.workload, TaskAxes):
        raise _trains_not(suite, "--track")


def _trains_not(suite: Suite, option: str) -> UsageError:
    return UsageError(f"{option} is for a suite that trains; '{suite.name}' does not, 'accuracy' does")


def check_metrics(suite: Suite, where: Callable[[Location], str]) -> None:
    """Accuracy needs a task to learn, and whatever is learnt is scored."""
    trains = suite.workload.kind == "task"
    learnt = [name for name in suite.metrics if PROBES.load(name).run_in == "train"]
    if learnt and not trains:
        raise UsageError(
            f"{where(('metrics', suite.metrics.index(learnt[0])))}'{learnt[0]}' needs something to learn: "
            "give the workload 'kind: task', a task and a recipe"
        )
    if trains and set(suite.precision) != {"fp32"}:
        raise UsageError(
            f"{where(('precision',))}a suite of tasks is timed in fp32; how it is trained says the recipe's precision"
        )
    if "embeddings" in learnt and "accuracy" not in learnt:
        raise UsageError(f"{where(('metrics',))}'embeddings' needs the metric 'accuracy', which trains the model")
    if trains and not learnt:
        raise UsageError(f"{where(('metrics',))}a suite of tasks has nothing to learn without the metric 'accuracy'")


def check_tasks(axes: TaskAxes, where: Callable[[Location], str], *, download: bool) -> None:
    """That there are such tasks, at their places in the suite; and where it is asked for, that their data are there."""
    for index, name in enumerate(axes.task):
        try:
            task = find_task(name)
        except UsageError as error:
            raise UsageError(f"{where(('workload', 'task', index))}{error}") from None
        if download:
            fetch(task)


def check_recipe(workload: TaskWorkload, devices: Sequence[str], where: Callable[[Location], str]) -> None:
    """That the task can be learnt by its recipe on each device that is here, before anything is trained."""
    import torch

    from bench.training.train import check

    data = load_planned(workload)
    for device in map(DEVICES.load, devices):
        if device.unavailable() is None:
            try:
                check(workload.recipe, data, torch.device(device.torch_name))
            except UsageError as error:
                raise UsageError(f"{where(('workload', 'recipe'))}{error}") from None


def check_data(cells: Iterable[PlannedCell]) -> None:
    """That what the cells are to learn is still what they were planned with. Raises `DataError` where it is not."""
    for workload in (planned.cell.workload for planned in cells):
        if isinstance(workload, TaskWorkload):
            load_planned(workload)
