"""One stretch of training from its start, or from its last checkpoint, to its end."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

from pydantic import TypeAdapter
from torch import nn

from bench.training import checkpoint, history
from bench.training.data import generator
from bench.training.evaluate import evaluate
from bench.training.job import Job, Progress, Stretch
from bench.training.loop import Learnt, train_step
from suites.history import Epoch, read_history
from suites.tasks.errors import DataError


@dataclass(frozen=True)
class Validated:
    """What the validation split said at an epoch's end."""

    epoch: int
    accuracy: float
    loss: float
    """Mean negative log-likelihood, nats. The best epoch is the one with the least: on a few hundred examples the
    accuracy ties, or is perfect by luck, where the loss still tells epochs apart."""


@dataclass
class Counters:
    """All numbers that a stretch of training carries along; sums begin anew with each epoch."""

    step: int = 0
    loss: float = 0.0
    steps: int = 0
    correct: int = 0
    scored: int = 0
    examples: int = 0
    seconds: float = 0.0
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    examples_seen: int = 0
    best: Validated | None = None
    """None before the first evaluation."""


@dataclass(frozen=True)
class Fitted:
    """A stretch that has come to its end."""

    model: nn.Module
    """With the best weights, in evaluation mode."""
    history: tuple[Epoch, ...]
    counters: Counters
    best: Validated


class Fit:
    """Works on a stretch; `run` does it all."""

    def __init__(self, job: Job, stretch: Stretch) -> None:
        self._job = job
        self._stretch = stretch
        self._mark = f"{job.run}, {stretch.phase} of {stretch.steps} steps at {stretch.lr}"
        self._order = job.order()
        self._learner = job.fresh(stretch.lr, stretch.steps)
        self._counters = self._resumed()
        self._saved = time.monotonic()
        self._best_is_stored = True

    def run(self) -> Fitted:
        """Train to the end.

        Raises:
            DataError: the folder's checkpoint or history can't be read.
            NotFinite: the loss is no number any more.
            UsageError: the checkpoint is another run's, or the model doesn't fit the task.
        """
        counters, stretch = self._counters, self._stretch
        while counters.step < stretch.steps:
            loss = self._step(counters.step)
            last = counters.step == stretch.steps
            ended = self._end_epoch(last) if last or self._order.ends_epoch(counters.step - 1) else None
            if last or time.monotonic() - self._saved >= self._job.checkpoint_every_s:
                self._save()
            self._job.on_progress(self._progress(loss, ended))
        model = self._learner.model
        model.load_state_dict(self._learner.best)
        assert counters.best is not None, "the last step ends with an evaluation"
        return Fitted(model.eval(), read_history(stretch.folder), counters, counters.best)

    def _step(self, step: int) -> float:
        """Learn from one batch, and return its loss."""
        started = time.perf_counter()
        job = self._job
        varied = generator(job.seed, "varied", step)
        indices = self._order.of_step(step)
        batch = job.batch(indices, varied)
        classes = len(job.data.classes)
        learnt = train_step(self._learner, batch, job.recipe, step, kind=job.kind, classes=classes, varied=varied)
        self._count(learnt, len(indices), time.perf_counter() - started)
        return learnt.loss

    def _count(self, learnt: Learnt, examples: int, seconds: float) -> None:
        counters = self._counters
        counters.step += 1
        counters.steps += 1
        counters.loss += learnt.loss
        counters.correct += learnt.correct
        counters.scored += learnt.scored
        counters.examples += examples
        counters.examples_seen += examples
        counters.seconds += seconds
        counters.train_seconds += seconds

    def _end_epoch(self, last: bool) -> Epoch:
        """Evaluate where it is due, and write the epoch down."""
        counters, number = self._counters, self._order.epoch(self._counters.step - 1) + 1
        every = self._stretch.evaluate_every
        found = self._evaluated(number) if last or (every is not None and number % every == 0) else None
        ended = Epoch(
            epoch=number,
            step=counters.step,
            loss=counters.loss / counters.steps,
            train_accuracy=counters.correct / counters.scored if counters.scored else None,
            validation_accuracy=found.accuracy if found else None,
            validation_loss=found.loss if found else None,
            lr=self._learner.lr,
            examples_per_second=counters.examples / counters.seconds,
            seconds=counters.train_seconds,
        )
        history.append(self._stretch.folder, ended)
        counters.loss = counters.seconds = 0.0
        counters.steps = counters.correct = counters.scored = counters.examples = 0
        return ended

    def _evaluated(self, number: int) -> Validated:
        """Ask the validation split; the weights are kept where they are the best so far."""
        started = time.perf_counter()
        data, recipe = self._job.data, self._job.recipe
        answers = evaluate(
            self._learner.evaluated,
            data.validation,
            data.input,
            len(data.classes),
            batch=recipe.batch,
            precision=recipe.precision,
        )
        found, best = Validated(number, answers.accuracy, answers.loss), self._counters.best
        if best is None or found.loss < best.loss:
            self._learner.keep_best()
            self._counters.best = found
            self._best_is_stored = False
        self._counters.evaluate_seconds += time.perf_counter() - started
        return found

    def _save(self) -> None:
        """Write the last state, and for others to use the best weights, where they are new."""
        started = time.monotonic()
        counters, folder = self._counters, self._stretch.folder
        if not self._best_is_stored:
            assert counters.best is not None, "there are no best weights without an evaluation"
            what = dataclasses.asdict(counters.best)
            checkpoint.save(folder / checkpoint.BEST, self._learner.best, what, self._mark)
            self._best_is_stored = True
        checkpoint.save(folder / checkpoint.LAST, self._learner.tensors(), dataclasses.asdict(counters), self._mark)
        self._saved = time.monotonic()
        counters.checkpoint_seconds += self._saved - started

    def _resumed(self) -> Counters:
        """Where the folder's checkpoint left off, with the learner as it was then; else the start."""
        folder = self._stretch.folder
        path = folder / checkpoint.LAST
        counters = Counters()
        if path.exists():
            found = checkpoint.load(path, self._mark)
            try:
                counters = TypeAdapter(Counters).validate_python(found.counters)
                self._learner.restore(found.tensors)
            except (KeyError, RuntimeError, ValueError) as error:
                what = " ".join(str(error).split())[:200]
                raise DataError(f"{path}: not what a run of this model leaves ({what}); remove {folder}") from error
        history.rewind(folder, counters.step)
        return counters

    def _progress(self, loss: float, ended: Epoch | None) -> Progress:
        counters, stretch = self._counters, self._stretch
        done = stretch.before + counters.step
        seconds = counters.train_seconds + counters.evaluate_seconds + counters.checkpoint_seconds
        return Progress(
            phase=stretch.phase,
            lr=stretch.lr,
            epoch=self._order.epoch(counters.step - 1) + 1,
            step=counters.step,
            done=done,
            total=stretch.total,
            loss=loss,
            seconds_left=seconds / counters.step * (stretch.total - done),
            ended=ended,
        )
