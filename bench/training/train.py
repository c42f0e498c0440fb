"""The door to training: a model, a task and a recipe go in, a trained model and how it came about go out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from baselines.errors import UsageError
from bench.training.budget import Budget, budget
from bench.training.errors import NotFinite
from bench.training.fit import Fit, Fitted
from bench.training.identity import claim, identify
from bench.training.job import Job, Progress, Stretch
from bench.training.learner import check_precision
from bench.training.sweep import Trial, best_rate, sweep
from suites.history import Epoch
from suites.recipe import Recipe
from suites.tasks.task import TaskData

_TRIALS = "sweep"


@dataclass(frozen=True)
class Trained:
    """A trained model. Seconds are of the wall clock, and those of every start of the run together."""

    model: nn.Module
    """In evaluation mode, with the weights (or their moving average) of the epoch with the least validation loss."""
    history: tuple[Epoch, ...]
    """The run's epochs."""
    lr: float
    """The learning rate chosen."""
    sweep: tuple[Trial, ...]
    """What each rate of the grid came to; empty where there was one only."""
    steps: int
    best_epoch: int
    """The epoch that the weights are of, from 1; of equal ones the first."""
    validation_accuracy: float
    """Of that epoch, 0 to 1."""
    train_seconds: float
    """Of training, with its data; sweep, evaluation and checkpoints apart."""
    sweep_seconds: float
    evaluate_seconds: float
    checkpoint_seconds: float
    examples_per_second: float
    """Training examples a second of `train_seconds`."""


def _quiet(_: Progress) -> None:
    """Tell nobody."""


def train(
    model_factory: Callable[[], nn.Module],
    data: TaskData,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    device: str = "cpu",
    threads: int | None = None,
    on_progress: Callable[[Progress], None] = _quiet,
    checkpoint_every_s: float = 60.0,
) -> Trained:
    """Train a model, or go on where the folder's last checkpoint left off.

    On a CPU the final weights depend on the model, the data, the recipe, the seed and the number of threads alone:
    killed at any moment and called again, it comes to the same ones bit for bit. A run that has ended is read, not
    repeated. The caller's random numbers and threads are given back as they were.

    Args:
        model_factory: builds the model, drawing its weights by torch's random numbers. Models of images are called as
            `model(x)`, those of sequences as `model(x, mask)`.
        data: what is learnt, and what the learning rate and the best epoch are chosen on.
        recipe: how.
        seed: of weights, order, variation and dropout.
        folder: where checkpoints and history go; of this run alone.
        device: where it is trained.
        threads: threads inside an operator; torch's own number if None.
        on_progress: told after each step.
        checkpoint_every_s: seconds between checkpoints; a kill loses at most so much work.

    Raises:
        DataError: a file of the folder is torn or altered, or it holds another run.
        NotFinite: the loss is no number any more.
        UsageError: recipe, model, task and device don't go together.
    """
    where = torch.device(device)
    check(recipe, data, where)
    with _settings(where, threads):
        torch.manual_seed(seed)
        identity = identify(model_factory(), data, recipe, seed, where)
        claim(folder, identity)
        job = Job(model_factory, data, recipe, seed, where, identity.digest, checkpoint_every_s, on_progress)
        plan = budget(job, folder)
        trials = _swept(job, plan, folder)
        lr = best_rate(trials) if trials else recipe.lr_grid[0]
        before = plan.trial * len(trials)
        stretch = Stretch("train", lr, plan.run, folder, recipe.evaluate_every, before, before + plan.run)
        return _trained(Fit(job, stretch).run(), lr, trials)


def _swept(job: Job, plan: Budget, folder: Path) -> tuple[Trial, ...]:
    grid = job.recipe.lr_grid
    if not plan.trial:
        return ()
    total = plan.trial * len(grid) + plan.run

    def attempt(rate: float) -> Trial:
        own = folder / _TRIALS / str(rate)
        stretch = Stretch("sweep", rate, plan.trial, own, None, plan.trial * grid.index(rate), total)
        try:
            fitted = Fit(job, stretch).run()
        except NotFinite:
            return Trial(lr=rate, accuracy=None, loss=None, seconds=0.0)
        best, seconds = fitted.best, fitted.counters.train_seconds
        return Trial(lr=rate, accuracy=best.accuracy, loss=best.loss, seconds=seconds)

    trials = sweep(grid, attempt, folder)
    shutil.rmtree(folder / _TRIALS, ignore_errors=True)  # each as large as the run's own checkpoint
    return trials


def _trained(fitted: Fitted, lr: float, trials: tuple[Trial, ...]) -> Trained:
    counters, best = fitted.counters, fitted.best
    return Trained(
        model=fitted.model,
        history=fitted.history,
        lr=lr,
        sweep=trials,
        steps=counters.step,
        best_epoch=best.epoch,
        validation_accuracy=best.accuracy,
        train_seconds=counters.train_seconds,
        sweep_seconds=sum(trial.seconds for trial in trials),
        evaluate_seconds=counters.evaluate_seconds,
        checkpoint_seconds=counters.checkpoint_seconds,
        examples_per_second=counters.examples_seen / counters.train_seconds,
    )


def check(recipe: Recipe, data: TaskData, device: torch.device) -> None:
    """Raise `UsageError` where the recipe can't be followed with these data on this device."""
    check_precision(device, recipe.precision)
    if recipe.mixup is not None and (data.info.kind != "image" or data.train.labels().ndim != 1):
        raise UsageError(f"mixup: it blends images with one label each, which {data.info.name} has not; turn it off")
    for name, examples in (("train", data.train), ("validation", data.validation)):
        if not len(examples):
            raise UsageError(f"{data.info.name}: its {name} split is empty")


@contextmanager
def _settings(device: torch.device, threads: int | None) -> Iterator[None]:
    """Threads as asked for; afterwards they, and torch's random numbers, are as they were."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.set_num_threads(threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)
