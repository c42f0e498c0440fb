"""How many steps a recipe's budget buys."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from bench.training.data import generator
from bench.training.files import read_json, replace_json
from bench.training.job import Job
from bench.training.loop import train_step
from suites.tasks.errors import DataError

BUDGET = "budget.json"
_UNTIMED = 2  # the first steps allocate, and choose kernels
_TIMED = 5
_SHARE = 0.1  # of the budget that measuring may take, where steps are slow


class Budget(NamedTuple):
    """Steps of the run, and of each trial of the sweep: 0 where there is none."""

    run: int
    trial: int


def budget(job: Job, folder: Path) -> Budget:
    """The steps that a recipe asks for.

    Where it gives seconds, they are counted from the speed of a few steps that are thrown away, and written down: a
    run that goes on keeps to them.
    """
    recipe = job.recipe
    trials = len(recipe.lr_grid) if len(recipe.lr_grid) > 1 else 0
    if recipe.time_budget_s is not None:
        stored = _stored(folder)
        steps = stored or _measured(job, recipe.time_budget_s, 1 + recipe.sweep_share * trials)
        if stored is None:
            replace_json(folder / BUDGET, {"steps": steps})
    elif recipe.epochs is not None:
        steps = recipe.epochs * job.order().steps_per_epoch
    else:
        assert recipe.steps is not None  # a recipe has exactly one of the three
        steps = recipe.steps
    return Budget(steps, max(1, round(recipe.sweep_share * steps)) if trials else 0)


def _stored(folder: Path) -> int | None:
    path = folder / BUDGET
    if not path.exists():
        return None
    content = read_json(path)
    steps = content.get("steps") if isinstance(content, dict) else None
    if not isinstance(steps, int) or steps < 1:
        raise DataError(f"{path}: no number of steps; remove {folder} to train anew")
    return steps


def _measured(job: Job, seconds: float, runs: float) -> int:
    """Steps of the run, where run and sweep take `runs` times as many."""
    started = time.perf_counter()
    learner = job.fresh(min(job.recipe.lr_grid), _UNTIMED + _TIMED)
    order, times = job.order(), []
    for step in range(_UNTIMED + _TIMED):
        before = time.perf_counter()
        varied = generator(job.seed, "varied", step)
        batch = job.batch(order.of_step(step), varied)
        classes = len(job.data.classes)
        train_step(learner, batch, job.recipe, step, kind=job.kind, classes=classes, varied=varied)
        times.append(time.perf_counter() - before)
        if time.perf_counter() - started > _SHARE * seconds and step >= 1:
            break
    left = seconds - (time.perf_counter() - started)
    return max(1, int(left / statistics.median(times[_UNTIMED:] or times[1:]) / runs))
