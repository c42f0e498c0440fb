"""One step of training: a batch through the model, its loss, and what the optimiser makes of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.errors import UsageError
from bench.training.augment import mix
from bench.training.errors import NotFinite
from bench.training.learner import Learner
from suites.recipe import Recipe
from suites.tasks.task import IGNORED, Batch, Kind


class Learnt(NamedTuple):
    """What one step has seen."""

    loss: float
    correct: int
    """Samples that the model had right before the step, in training mode; with mixup 0."""
    scored: int
    """Samples with a label: images, sequences, or places; with mixup 0."""


def logits_of(model: nn.Module, batch: Batch, kind: Kind, classes: int) -> Tensor:
    """What the model makes of a batch: (B, classes), or (B, L, classes) where each place has a label; float32.

    Raises:
        UsageError: the model's output has another shape than the labels ask for.
    """
    y = model(batch.inputs) if kind == "image" else model(batch.inputs, batch.mask)
    wanted = (*batch.labels.shape, classes)
    if not isinstance(y, Tensor) or y.shape != wanted:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise UsageError(
            f"the model gives {got} where the task asks for {wanted}; build it with num_classes={classes}"
            + (" and global_pool=''" if batch.labels.ndim == 2 else "")
        )
    return y.float()


def loss_of(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Mean cross-entropy over the samples that have a label; 0 where none has.

    Args:
        logits: (..., classes).
        targets: classes (...), `IGNORED` for none; or probabilities (..., classes), smoothed already.
        smoothing: share of the probability that is spread over all classes.
    """
    if targets.is_floating_point():
        return F.cross_entropy(logits, targets)
    logits, targets = logits.flatten(0, -2), targets.flatten()  # (S, classes), (S,)
    total = F.cross_entropy(logits, targets, ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum")
    return total / (targets != IGNORED).sum().clamp(min=1)


def train_step(
    learner: Learner, batch: Batch, recipe: Recipe, step: int, *, kind: Kind, classes: int, varied: torch.Generator
) -> Learnt:
    """Learn from one batch.

    Raises:
        NotFinite: the loss is no number; the weights are those before the step.
        UsageError: the model doesn't fit the task.
    """
    learner.schedule.step_update(step)
    learner.optimiser.zero_grad(set_to_none=True)
    targets = batch.labels
    if recipe.mixup is not None:
        inputs, targets = mix(
            batch.inputs, targets, classes, alpha=recipe.mixup, smoothing=recipe.label_smoothing, varied=varied
        )
        batch = batch._replace(inputs=inputs)
    with learner.autocast():
        logits = logits_of(learner.model, batch, kind, classes)
    loss = loss_of(logits, targets, recipe.label_smoothing)
    if not math.isfinite(value := loss.item()):
        raise NotFinite(
            f"the loss is {value} at step {step} with a learning rate of {learner.lr:.3g}: try a lower one, "
            "a longer warm-up or a smaller clip"
        )
    _update(learner, loss, recipe.clip)
    if learner.ema is not None:
        learner.ema.update(learner.model, step)
    if recipe.mixup is not None:
        return Learnt(value, 0, 0)
    scored = batch.labels != IGNORED
    return Learnt(value, int(((logits.argmax(-1) == batch.labels) & scored).sum()), int(scored.sum()))


def _update(learner: Learner, loss: Tensor, clip: float | None) -> None:
    scaler = learner.scaler  # where it is not enabled, it passes everything on as it is
    scaler.scale(loss).backward()
    if clip is not None:
        scaler.unscale_(learner.optimiser)
        torch.nn.utils.clip_grad_norm_(learner.model.parameters(), clip)
    scaler.step(learner.optimiser)
    scaler.update()
