"""Frozen features of a model, and two classifiers that are fitted on them: a vote of neighbours, and a linear one."""

from __future__ import annotations

import warnings
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.training.data import ready
from suites.tasks.task import Batch, Examples, ImageInput, SequenceInput

Reals: TypeAlias = npt.NDArray[np.float32]
Classes: TypeAlias = npt.NDArray[np.int64]

NEIGHBOURS, TEMPERATURE = 20, 0.07
"""As DINO evaluates features (Caron et al. 2021, arXiv 2104.14294, evaluation protocols, k-NN classification)."""
MOST = 10_000
"""Training examples that a classifier is fitted on, at most."""

_BATCH, _QUERIES = 128, 1024
_ITERATIONS = 1_000


def chosen(count: int) -> Tensor:
    """The training examples to fit on, of `count`: all up to `MOST`, else a fixed choice, the same for every model."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))[:MOST]


@torch.no_grad()
def features(
    model: nn.Module, examples: Examples, indices: Tensor, form: ImageInput | SequenceInput, device: str
) -> Reals:
    """What the model's classifier is given, (N, F), of the examples at `indices`, (N,); unvaried, in evaluation mode.

    Args:
        model: with timm's `forward_features` and `forward_head`; those of sequences take a mask too.
        examples: where they are asked for.
        indices: which.
        form: what the model is given.
        device: as torch names it.
    """
    model.eval().to(device)
    parts = []
    for some in indices.split(_BATCH):
        shown = ready(examples, some, form, torch.device(device))
        parts.append(_pooled(model, shown, isinstance(form, ImageInput)).flatten(1).float().cpu())
    found: Reals = torch.cat(parts).numpy()
    return found


def _pooled(model: nn.Module, shown: Batch, image: bool) -> Tensor:
    mask = () if image else (shown.mask,)
    maps = model.forward_features(shown.inputs, *mask)  # type: ignore[operator]
    pooled: Tensor = model.forward_head(maps, *mask, pre_logits=True)  # type: ignore[operator]
    return pooled


def nearest_neighbours(known: Reals, labels: Classes, asked: Reals, classes: int) -> Classes:
    """The class with the most votes of the nearest training examples by cosine, each voting by exp(cosine / 0.07).

    The weighted vote of Wu et al. 2018 (arXiv 1805.01978, section 3.4), with the constants of DINO.

    Args:
        known: features (N, F) of training examples.
        labels: their classes, (N,).
        asked: features (M, F).
        classes: how many there are.

    Returns:
        Classes (M,); of equal ones the first.
    """
    bank = F.normalize(torch.from_numpy(known), dim=1).T  # (F, N)
    one_hot = F.one_hot(torch.from_numpy(labels), classes).float()  # (N, K)
    answers = []
    for queries in F.normalize(torch.from_numpy(asked), dim=1).split(_QUERIES):
        cosine, nearest = (queries @ bank).topk(min(NEIGHBOURS, len(known)), dim=1)  # (Q, 20)
        weights = ((cosine - 1) / TEMPERATURE).exp()  # the same up to a factor
        answers.append((weights.unsqueeze(2) * one_hot[nearest]).sum(1).argmax(1))
    found: Classes = torch.cat(answers).numpy()
    return found


def linear_probe(known: Reals, labels: Classes, asked: Reals) -> tuple[Classes, bool]:
    """The answers (M,) of a logistic regression on standardised features, and whether it has converged.

    scikit-learn's own, with its default penalty (C = 1), the same for every model. Shapes as in `nearest_neighbours`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        probe.fit(known, labels)
    answers: Classes = probe.predict(asked)
    return answers, not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
