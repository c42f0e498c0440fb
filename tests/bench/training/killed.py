"""A training run that a test kills: in a module of its own, so that another process can import it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from bench.training.job import Progress
from bench.training.train import Trained, train
from suites.recipe import Recipe
from tests.bench.training.tasks import images, small_net

RECIPE = Recipe(
    batch=8,
    steps=120,
    lr_grid=(1e-3, 1e-2),
    sweep_share=0.2,
    ema_decay=0.9,
    mixup=0.4,
)


def run(folder: Path, on_progress: Callable[[Progress], None], checkpoint_every_s: float) -> Trained:
    """Everything that draws random numbers takes part: order, flips, mixup, dropout."""
    return train(
        functools.partial(small_net, dropout=0.3),
        images(64),
        RECIPE,
        seed=3,
        folder=folder,
        threads=1,
        on_progress=on_progress,
        checkpoint_every_s=checkpoint_every_s,
    )


def run_slowly(folder: Path, told: Connection, checkpoint_every_s: float, steps: int) -> None:
    """The same, with a rest after each step, so that a kill falls anywhere; tells how far it has come.

    After some steps it waits for the kill, so that it can't come to its end where the parent is slow.
    """
    first: list[int] = []

    def on_progress(progress: Progress) -> None:
        told.send(progress.done)
        first.append(progress.done)
        time.sleep(0.005 if progress.done < first[0] + steps else 600)

    run(folder, on_progress, checkpoint_every_s)
