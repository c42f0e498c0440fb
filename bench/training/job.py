"""What is trained and how, what a caller sees of it meanwhile, and what one stretch of training is to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from bench.training.data import Order, ready
from bench.training.learner import Learner
from suites.history import Epoch
from suites.recipe import Recipe
from suites.tasks.task import Batch, ImageInput, Kind, TaskData

Phase = Literal["sweep", "train"]


@dataclass(frozen=True)
class Progress:
    """Where a training run stands; told after each step."""

    phase: Phase
    """Whether this is a trial of the sweep, or the run itself."""
    lr: float
    """The highest learning rate of this trial or run."""
    epoch: int
    """From 1."""
    step: int
    """Steps of this trial or run so far."""
    done: int
    """Steps of sweep and run so far."""
    total: int
    """Steps of sweep and run in all."""
    loss: float
    """Of the last step."""
    seconds_left: float
    """Until all is done, at the speed of this trial or run so far."""
    ended: Epoch | None = None
    """What the epoch came to that this step has ended."""


@dataclass(frozen=True)
class Job:
    """One call of `train`: what its trials and its run have in common."""

    model_factory: Callable[[], nn.Module]
    data: TaskData
    recipe: Recipe
    seed: int
    device: torch.device
    run: str
    """Which run it is, for its checkpoints."""
    checkpoint_every_s: float
    on_progress: Callable[[Progress], None]

    @property
    def kind(self) -> Kind:
        """What the model is given."""
        return "image" if isinstance(self.data.input, ImageInput) else "sequence"

    def order(self) -> Order:
        """The order of the training examples."""
        return Order(len(self.data.train), self.recipe.batch, self.seed)

    def batch(self, indices: Tensor, varied: torch.Generator) -> Batch:
        """Training examples ready for the model, varied where the recipe says so."""
        return ready(self.data.train, indices, self.data.input, self.device, varied if self.recipe.augment else None)

    def fresh(self, lr: float, steps: int) -> Learner:
        """A fresh model, the same each time, about to learn; torch's random numbers are those of the seed."""
        torch.manual_seed(self.seed)
        model = self.model_factory().train()
        return Learner(model, self.recipe, lr, steps, self.device)


@dataclass(frozen=True)
class Stretch:
    """One trial of the sweep, or the run itself."""

    phase: Phase
    lr: float
    steps: int
    folder: Path
    evaluate_every: int | None
    """Epochs between evaluations; none for one at the end only."""
    before: int
    """Steps of the trials before it."""
    total: int
    """Steps of sweep and run in all."""
