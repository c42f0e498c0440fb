"""Accuracy: train the cell's model from scratch under its recipe, and score it on the task's test examples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.job import Findings, Pass, Reading, Told
from bench.probes.task_data import load_planned, task_of
from bench.tracking import Tracking
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from torch import nn

    from bench.subject import Subject
    from bench.training.job import Progress
    from bench.training.sweep import Trial
    from bench.training.train import Trained
    from suites.cell import Cell
    from suites.predictions import Array, Predictions
    from suites.tasks.task import TaskData


_EVERY_S = 1.0


class AccuracyProbe:
    """Goes on by itself where a killed run left a checkpoint in the cell's folder."""

    run_in: Pass = "train"

    def read(self, subject: Subject) -> Findings:
        """``accuracy`` and what else is a share of the test samples, ``train_time`` in seconds, the chosen rate.

        A model of sequences has ``accuracy_at_<length>`` for each further length. What it answered to each sample is
        kept in the cell's folder, and so is the model, for `vio-bench predict` and for other probes.
        """
        from bench.training.train import train

        cell = subject.job.cell
        workload = task_of(cell, "accuracy")
        data, folder = load_planned(workload), Path(subject.job.folder)

        found = Findings()
        with Tracking(subject.job) as tracking:
            trained = train(
                lambda: _fresh(cell),
                data,
                workload.recipe,
                seed=cell.seed,
                folder=folder,
                device=subject.device.torch_name,
                threads=cell.threads,
                on_progress=_Teller(subject, tracking),
            )
            _of_training(trained, found)
            found.warnings += _at_the_edge(trained.lr, trained.sweep)
            for size in data.tests:
                _score(trained.model, data, size, folder, found)
            _keep(trained.model, cell, data, folder, found)
            tracking.end({reading.name: _value(reading) for reading in found.readings})
        found.warnings += tracking.warnings
        return found


class _Teller:
    """Passes a training's progress on to its tracker, and to the parent once a second.

    Waking that more often would cost the training.
    """

    def __init__(self, subject: Subject, tracking: Tracking) -> None:
        self._tell, self._next, self._tracking = subject.tell, 0.0, tracking

    def __call__(self, progress: Progress) -> None:
        self._tracking.follow(progress)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        phase = f"trial at {progress.lr:g}" if progress.phase == "sweep" else "training"
        left = f"{progress.seconds_left / 60:.1f} min left"
        doing = f"{phase}, epoch {progress.epoch}, loss {progress.loss:.3f}, {left}"
        self._tell(Told(doing, progress.done / progress.total))


def _fresh(cell: Cell) -> nn.Module:
    """The cell's model with its own initialisation, drawn by the cell's seed."""
    import torch

    from baselines import catalogue

    torch.manual_seed(cell.seed)
    return catalogue.build(catalogue.find(cell.model), cell.config)


def _of_training(trained: Trained, found: Findings) -> None:
    found.sampled("train_time", [trained.train_seconds], "s", "steps and loading, sweep and evaluation apart")
    found.sampled("train_throughput", [trained.examples_per_second], "1/s", "examples a second of training")
    found.exact("learning_rate", trained.lr, "1", "best of the grid on the validation split")
    found.exact("train_steps", trained.steps, "1", "steps of the optimiser")


def _at_the_edge(best: float, trials: Sequence[Trial]) -> list[MeasurementWarning]:
    """A warning where the best rate is the first or last of three or more; of two, each is at an edge."""
    rates = sorted(trial.lr for trial in trials)
    if len(rates) < 3 or best not in (rates[0], rates[-1]):
        return []
    which = "lowest" if best == rates[0] else "highest"
    return [
        MeasurementWarning(
            kind="rate_at_edge",
            metric="accuracy",
            message=f"the best learning rate, {best:g}, is the {which} that was tried",
            evidence={f"validation_loss_at_{trial.lr:g}": trial.loss for trial in trials},
            advice="a rate beyond may do better still: widen lr_grid before a small difference is believed",
        )
    ]


def _score(model: nn.Module, data: TaskData, size: int, folder: Path, found: Findings) -> None:
    from bench.training.evaluate import evaluate
    from bench.training.files import replace
    from bench.training.metrics import metrics
    from suites.predictions import dump_predictions, predictions_file

    answers = evaluate(model, data.tests[size], data.input, len(data.classes))
    replace(predictions_file(folder, size), dump_predictions(answers))
    main = size == next(iter(data.tests))
    method = "share of test samples, best epoch on validation"
    _share(found, "accuracy" if main else f"accuracy_at_{size}", answers, answers.correct, method)
    if not main:
        return
    figures = metrics(answers)
    if len(data.classes) > 5:
        _share(found, "accuracy_top5", answers, answers.in_top5, "right class among the best five")
    found.exact("macro_f1", figures.macro_f1, "1", "mean of the classes' F1 scores")
    found.exact("balanced_accuracy", figures.balanced_accuracy, "1", "mean of the classes' recalls")
    found.exact("calibration_error", figures.calibration_error, "1", "expected, 15 bins (arXiv 1706.04599)")
    if len(answers.whole) < len(answers.labels):
        found.share("accuracy_whole", int(answers.whole.sum()), len(answers.whole), "sequences right at every place")


def _keep(model: nn.Module, cell: Cell, data: TaskData, folder: Path, found: Findings) -> None:
    from bench import model_folder
    from suites.estimate import share

    reading = next(reading for reading in found.readings if reading.name == "accuracy")
    successes, trials = reading.samples
    accuracy = share(successes, int(trials), reading.unit, reading.method)
    model_folder.write(folder / model_folder.FOLDER, model, cell, data, accuracy)


def _value(reading: Reading) -> float:
    """One number for it: right answers per trial, or its only sample."""
    return reading.samples[0] / reading.samples[1] if reading.share else reading.samples[0]


def _share(found: Findings, name: str, answers: Predictions, right: Array, method: str) -> None:
    """The share of samples that are right, (S,); trials are examples, as places of a sequence are not independent."""
    trials = len(answers.whole)
    found.share(name, float(right.sum()) * trials / len(right), trials, method)


PROBE = AccuracyProbe()
