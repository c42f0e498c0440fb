from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.training.errors import NotFinite
from bench.training.evaluate import evaluate
from bench.training.learner import Learner
from bench.training.loop import loss_of, train_step
from suites.recipe import Recipe
from suites.tasks.task import IGNORED, Batch
from tests.bench.training.tasks import CLASSES, images, places, sequences, small_net


def _step(model: nn.Module, batch: Batch, classes: int, **changes: object) -> Learner:
    recipe = Recipe.model_validate({"steps": 4, "lr_grid": [0.1], "warmup": 0, **changes})
    learner = Learner(model, recipe, 0.1, 4, torch.device("cpu"))
    kind = "image" if batch.inputs.ndim == 4 else "sequence"
    train_step(learner, batch, recipe, 0, kind=kind, classes=classes, varied=torch.Generator().manual_seed(0))
    return learner


class Recorder(nn.Module):
    """Remembers what it was called with."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))
        self.seen: list[Tensor | None] = []

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        self.seen.append(mask)
        return self.bias.expand(len(x), len(self.bias))


def test_masks_reach_the_model() -> None:
    data = sequences(8)
    batch = data.train.batch(torch.arange(8))
    assert batch.mask is not None
    model = Recorder(2)
    _step(model, batch, 2)
    assert model.seen[0] is batch.mask
    evaluate(model, data.train, data.input, 2, batch=5)
    seen = torch.cat([mask for mask in model.seen[1:] if mask is not None])
    assert torch.equal(seen, batch.mask)


def test_places_without_a_label_are_not_learnt() -> None:
    labels = torch.tensor([[1, IGNORED, 0], [IGNORED, IGNORED, 2]])
    logits = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = loss_of(logits, labels, 0.1)
    scored = [(0, 0), (0, 2), (1, 2)]
    each = [F.cross_entropy(logits[place], labels[place], label_smoothing=0.1) for place in scored]
    torch.testing.assert_close(loss, torch.stack(each).mean())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient[labels == IGNORED].any()
    assert gradient[labels != IGNORED].any(-1).all()
    assert loss_of(logits, torch.full((2, 3), IGNORED), 0.1) == 0


def test_places_without_a_label_are_not_scored() -> None:
    class Copies(nn.Module):
        """Right at even places, and wrong at all others."""

        def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
            wrong = torch.arange(x.shape[1]) % 2 == 1
            return F.one_hot(torch.where(wrong, (x + 1) % CLASSES, x), CLASSES).float()

    data = places(10, 12)
    answers = evaluate(Copies(), data.train, data.input, CLASSES, batch=4)
    assert len(answers.labels) == 10 * 6
    assert answers.accuracy == 1
    assert answers.example.tolist() == [example for example in range(10) for _ in range(6)]
    assert answers.whole.tolist() == [True] * 10
    assert (answers.labels == data.train.batch(torch.arange(10)).inputs[:, ::2].flatten().numpy()).all()


def test_predictions_are_those_of_the_logits() -> None:
    data, model = images(20), small_net()
    answers = evaluate(model, data.validation, data.input, CLASSES, batch=7)
    inputs = (data.validation.batch(torch.arange(64)).inputs.float() / 255 - 0.3) / 0.2
    with torch.no_grad():
        probabilities = model.eval()(inputs).softmax(1)
    torch.testing.assert_close(torch.from_numpy(answers.probability), probabilities.amax(1))
    assert (answers.predicted == probabilities.argmax(1).numpy()).all()
    assert (answers.labels == data.validation.labels().numpy()).all()
    assert answers.in_top5.all(), "of four classes each is among five"
    assert (answers.example == np.arange(64)).all()


def test_evaluation_gives_the_mode_back_and_refuses_what_is_no_number() -> None:
    data, model = images(20), small_net().train()
    evaluate(model, data.validation, data.input, CLASSES)
    assert model.training
    with torch.no_grad():
        model[-1].bias.fill_(float("nan"))  # type: ignore[index, operator, union-attr]
    with pytest.raises(NotFinite, match="not finite for some of the examples 0 to 63"):
        evaluate(model, data.validation, data.input, CLASSES)


def test_the_gradient_is_clipped() -> None:
    def step(clip: float | None) -> Tensor:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        inputs = 100 * torch.randn(8, 1, 2, 2, generator=torch.Generator().manual_seed(1))
        learner = _step(model, Batch(inputs, torch.arange(8) % 3), 3, clip=clip)
        return torch.cat([p.grad.flatten() for p in learner.model.parameters() if p.grad is not None])

    free, clipped = step(None), step(0.5)
    assert free.norm() > 1
    torch.testing.assert_close(clipped, free * 0.5 / free.norm(), rtol=1e-4, atol=1e-6)
