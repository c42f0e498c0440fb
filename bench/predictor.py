"""A trained model as a function: images or sequences in, classes with their probabilities out.

>>> predictor = Predictor.load("results/.../training/1a2b3c4d5e6f7a8b/model")
>>> predictor.predict(["shoe.png", "coat.png"])[0].label
'Sneaker'
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from typing_extensions import Self

from baselines.errors import UsageError
from bench import model_folder
from bench.model_card import ModelCard
from bench.prediction_forms import form_of
from bench.prediction_inputs import Given, Item, read_items
from bench.training.data import to_device
from bench.training.loop import logits_of


@dataclass(frozen=True)
class Prediction:
    """What the model answers to one input."""

    label: str
    """The most probable class; of equal ones the first."""
    probability: float
    """What the model gives it, 0 to 1."""
    probabilities: dict[str, float]
    """Of every class, the most probable first."""


@dataclass(frozen=True)
class Answer:
    """An input by its name, with its prediction or what is wrong with it."""

    name: str
    prediction: Prediction | None = None
    error: str | None = None


def _quiet(_: int, __: int) -> None:
    """Tell nobody."""


class Predictor:
    """A trained model and all that its card says. Make one by `Predictor.load`."""

    def __init__(self, model: nn.Module, card: ModelCard, device: str = "cpu") -> None:
        self.card = card
        self._form = form_of(card.input)
        self._device = _usable(device)
        self._model = model.to(self._device).eval()

    @classmethod
    def load(cls, folder: Path | str, device: str = "cpu", *, user_model: str | None = None) -> Self:
        """Read what a training run has left; nothing is unpickled.

        Args:
            folder: the model's own, or one above it that holds no other model: see `model_folder.locate`.
            device: as torch names it.
            user_model: the `package.module:factory` that may be imported, where the model is a user's own.

        Raises:
            UsageError: there is no such model or device, or the model is torn, altered or answers at every place.
        """
        card, model = model_folder.load(model_folder.locate(Path(folder)), user_model=user_model)
        return cls(model, card, device)

    def predict(self, inputs: Iterable[Given], *, batch: int = 64) -> list[Prediction]:
        """The answer to each input, in order; a file of sequences has one a sequence.

        Args:
            inputs: see `bench.prediction_inputs.read_items`; prepared as in training.
            batch: inputs that go through the model at once.

        Raises:
            UsageError: `inputs` is no list, `batch` is below 1, or an input can't be used; names the first. `answer`
                goes on with the others.
        """
        predictions = []
        for answer in self.answer(inputs, batch=batch):
            if answer.prediction is None:
                raise UsageError(f"{answer.name}: {answer.error}")
            predictions.append(answer.prediction)
        return predictions

    def answer(
        self,
        inputs: Iterable[Given],
        *,
        batch: int = 64,
        column: str = "sequence",
        on_progress: Callable[[int, int], None] = _quiet,
    ) -> list[Answer]:
        """As `predict`, but an input that can't be used is named and the others are answered.

        Args:
            inputs: as there.
            batch: as there.
            column: of the sequences in a CSV file.
            on_progress: told after each batch how many inputs of how many are done.

        Raises:
            UsageError: `inputs` is no list, `batch` is below 1, or the model fails.
        """
        if batch < 1:
            raise UsageError(f"batch is how many inputs go through the model at once: at least 1, got {batch}")
        items = read_items(inputs, self.card.input, column)
        answers: list[Answer] = []
        for start in range(0, len(items), batch):
            answers += self._batch(items[start : start + batch])
            on_progress(len(answers), len(items))
        return answers

    def _batch(self, items: Sequence[Item]) -> list[Answer]:
        """Inputs of one shape go through the model together."""
        answers: dict[int, Answer] = {}
        of_shape: dict[tuple[int, ...], dict[int, Tensor]] = defaultdict(dict)
        for index, item in enumerate(items):
            try:
                example = self._example(item)
            except UsageError as error:
                answers[index] = Answer(item.name, error=str(error))
                continue
            of_shape[tuple(example.shape)][index] = example
        for examples in of_shape.values():
            for index, prediction in zip(examples, self._predictions(list(examples.values())), strict=True):
                answers[index] = Answer(items[index].name, prediction)
        return [answers[index] for index in range(len(items))]

    def _example(self, item: Item) -> Tensor:
        if isinstance(item.content, UsageError):
            raise item.content
        return self._form.example(item.content)

    @torch.no_grad()
    def _predictions(self, examples: Sequence[Tensor]) -> list[Prediction]:
        classes = self.card.classes
        shown = to_device(self._form.batch(examples), self._device)
        try:
            logits = logits_of(self._model, shown, self.card.input.kind, len(classes))  # (B, classes)
        except (LookupError, RuntimeError, ValueError) as error:
            raise UsageError(f"{self.card.model} fails at inputs {tuple(shown.inputs.shape)} ({error})") from error
        if not bool(torch.isfinite(logits).all()):
            raise UsageError(f"{self.card.model} answers with numbers that are not finite; train it again")
        ranks = logits.argsort(dim=1, descending=True, stable=True).tolist()
        return [
            Prediction(classes[ranked[0]], row[ranked[0]], {classes[index]: row[index] for index in ranked})
            for row, ranked in zip(logits.softmax(1).tolist(), ranks, strict=True)
        ]


def _usable(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (AssertionError, RuntimeError) as error:  # torch without CUDA asserts
        raise UsageError(f"device '{name}' can't be used here ({error}); use 'cpu'") from error
