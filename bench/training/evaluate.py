"""What a model answers to examples, sample by sample: all that any metric of accuracy needs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.training.data import ready
from bench.training.errors import NotFinite
from bench.training.learner import autocast
from bench.training.loop import logits_of
from suites.predictions import Array, Predictions
from suites.tasks.task import IGNORED, Examples, ImageInput, SequenceInput

_TOP = 5


@torch.no_grad()  # not inference_mode: what a model caches meanwhile must serve a backward pass later
def evaluate(
    model: nn.Module,
    examples: Examples,
    form: ImageInput | SequenceInput,
    classes: int,
    *,
    batch: int = 128,
    precision: str = "fp32",
) -> Predictions:
    """Run the model where its weights are, in evaluation mode and unvaried, over all examples.

    Its mode is given back afterwards.

    Raises:
        NotFinite: a logit is no number.
        UsageError: the model doesn't fit the task.
    """
    device = next((weights.device for weights in model.parameters()), torch.device("cpu"))
    was_training = model.training
    model.eval()
    try:
        parts = []
        for indices in torch.arange(len(examples)).split(batch):
            shown = ready(examples, indices, form, device)
            with autocast(device, precision):
                logits = logits_of(model, shown, "image" if isinstance(form, ImageInput) else "sequence", classes)
            if not bool(torch.isfinite(logits).all()):
                raise NotFinite(f"the model's logits are not finite for some of the examples {_span(indices)}")
            parts.append(_read(indices, logits, shown.labels))
    finally:
        model.train(was_training)
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _read(indices: Tensor, logits: Tensor, labels: Tensor) -> tuple[Array, ...]:
    """The fields of `Predictions` for logits (B, K) or (B, L, K) and labels (B,) or (B, L)."""
    example = indices.to(labels.device).reshape(-1, *(1,) * (labels.ndim - 1)).expand_as(labels)
    scored = labels != IGNORED
    logits, labels = logits[scored], labels[scored]  # (S, K), (S,)
    probability = logits.softmax(1).amax(1)
    best = logits.topk(min(_TOP, logits.shape[1]), dim=1).indices
    in_top5 = (best == labels[:, None]).any(1)
    nll = functional.cross_entropy(logits.float(), labels, reduction="none")
    fields = (example[scored], labels, logits.argmax(1), probability, in_top5, nll)
    return tuple(field.cpu().numpy() for field in fields)


def _span(indices: Tensor) -> str:
    return f"{int(indices[0])} to {int(indices[-1])}"
