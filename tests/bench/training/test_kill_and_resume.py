"""A training run may be stopped at any moment: what comes out of it in the end is the same, bit for bit."""

from __future__ import annotations

import functools
import multiprocessing
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import nn

import vio
from bench.training import checkpoint, history
from bench.training.job import Progress
from bench.training.train import Trained, train
from suites.history import HISTORY, read_history
from suites.recipe import Recipe
from suites.tasks.task import TaskData
from tests.bench.training import killed
from tests.bench.training.tasks import images, places, sequences


class Stopped(Exception):
    """Thrown out of a run."""


def _check_same(one: Trained, other: Trained) -> None:
    assert one.lr == other.lr
    assert [trial.accuracy for trial in one.sweep] == [trial.accuracy for trial in other.sweep]
    timed = {"seconds", "examples_per_second"}
    assert [e.model_dump(exclude=timed) for e in one.history] == [e.model_dump(exclude=timed) for e in other.history]
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def _kill_at_random(folder: Path, moments: random.Random) -> int:
    """Start the run in a process, kill it, and return the steps that it came to."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.preload"])  # the one that other tests share
    told, teller = context.Pipe(duplex=False)
    every_s = moments.choice([0.0, 0.02])
    process = context.Process(target=killed.run_slowly, args=(folder, teller, every_s, 30))
    process.start()
    teller.close()
    done = told.recv()  # the first step since the start
    time.sleep(moments.uniform(0.0, 0.25))
    process.kill()
    process.join()
    while told.poll():
        try:
            done = told.recv()
        except EOFError:
            break
    assert process.exitcode == -signal.SIGKILL
    return int(done)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """A run that nobody stopped, and its folder."""
    folder = tmp_path_factory.mktemp("unbroken")
    return killed.run(folder, lambda _: None, 60.0), folder


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_never_been(
    ended: tuple[Trained, Path], tmp_path: Path
) -> None:
    moments = random.Random(7)
    reached = [_kill_at_random(tmp_path / "killed", moments) for _ in range(4)]
    assert reached[-1] > reached[0], f"no headway from kill to kill: {reached}"
    first: list[int] = []
    resumed = killed.run(tmp_path / "killed", lambda progress: first.append(progress.done), 60.0)
    assert first[0] > 1, "it went on from a checkpoint"
    _check_same(ended[0], resumed)


@pytest.mark.parametrize(
    ("model_factory", "data", "steps"),
    [
        (functools.partial(vio.create_model, "vio_nano", in_chans=1, num_classes=4, drop_path_rate=0.3), "images", 4),
        (functools.partial(vio.create_model, "vio_seq_mamba", width=16, num_classes=2), "sequences", 6),
        (
            functools.partial(
                vio.create_model,
                "vio_seq_attention",
                width=16,
                head_width=8,
                num_classes=4,
                vocab_size=4,
                global_pool="",
            ),
            "places",
            6,
        ),
    ],
)
def test_a_model_goes_on_from_the_middle_of_an_epoch(
    model_factory: functools.partial[nn.Module], data: str, steps: int, tmp_path: Path
) -> None:
    made: TaskData = {"images": lambda: images(8, 32, validation=4), "sequences": sequences, "places": places}[data]()
    recipe = Recipe(batch=4 if data == "images" else 24, steps=steps, ema_decay=0.9)

    def stop(progress: Progress) -> None:
        if progress.step in (1, steps - 1):  # within the first epoch, and within the last one
            raise Stopped

    options = {"seed": 1, "threads": 1}
    unbroken = train(model_factory, made, recipe, folder=tmp_path / "a", **options)  # type: ignore[arg-type]
    for every_s in (0.0, 60.0):  # the second leaves history behind that no checkpoint knows of
        with pytest.raises(Stopped):
            train(
                model_factory,
                made,
                recipe,
                folder=tmp_path / "b",
                on_progress=stop,
                checkpoint_every_s=every_s,
                **options,  # type: ignore[arg-type]
            )
    _check_same(unbroken, train(model_factory, made, recipe, folder=tmp_path / "b", **options))  # type: ignore[arg-type]


def test_a_run_that_has_ended_is_read_and_not_repeated(ended: tuple[Trained, Path], tmp_path: Path) -> None:
    first, folder = ended
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with (tmp_path / HISTORY).open("a") as file:
        file.write('{"epoch": 16, "st')  # torn by a kill
    told: list[Progress] = []
    again = killed.run(tmp_path, told.append, 60.0)
    assert not told
    _check_same(first, again)
    assert again.history == first.history
    assert again.train_seconds == first.train_seconds


def test_history_forgets_what_comes_after_the_checkpoint(ended: tuple[Trained, Path], tmp_path: Path) -> None:
    shutil.copy(ended[1] / HISTORY, tmp_path)
    assert [epoch.step for epoch in read_history(tmp_path)] == list(range(8, 121, 8))
    history.rewind(tmp_path, 17)
    assert [epoch.step for epoch in read_history(tmp_path)] == [8, 16]


def test_the_best_weights_are_kept_for_others(ended: tuple[Trained, Path]) -> None:
    trained, folder = ended
    fresh = killed.small_net()
    found = checkpoint.load_weights(fresh, folder / checkpoint.BEST)
    losses = {epoch.validation_loss: epoch.epoch for epoch in reversed(trained.history)}
    assert trained.best_epoch == losses[min(losses)]
    assert found.counters["epoch"] == trained.best_epoch
    assert found.counters["accuracy"] == trained.validation_accuracy
    for name, value in trained.model.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value)
