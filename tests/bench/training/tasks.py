"""Small tasks and models, made here: nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suites.tasks.examples import TensorExamples, digest
from suites.tasks.task import IGNORED, Baseline, Batch, Examples, ImageInput, Kind, SequenceInput, TaskData, TaskInfo

CLASSES = 4


@dataclass(frozen=True)
class PaddedExamples:
    """Sequences with the mask that says which places are real."""

    inputs: Tensor
    targets: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Tensor) -> Batch:
        return Batch(self.inputs[indices], self.targets[indices], self.mask[indices])

    def labels(self) -> Tensor:
        return self.targets


def images(
    count: int = 64, size: int = 8, *, shuffled: bool = False, validation: int = 64, flip: bool = True
) -> TaskData:
    """A class is a bright quarter of the picture, top to bottom; with `shuffled` labels say nothing."""
    draw = torch.Generator().manual_seed(count)

    def some(number: int) -> TensorExamples:
        labels = torch.randint(CLASSES, (number,), generator=draw)
        pictures = torch.randint(0, 100, (number, 1, size, size), generator=draw)
        rows = torch.arange(size) * CLASSES // size  # (H,) the class that each row tells
        pictures += 100 * (rows == labels[:, None])[:, None, :, None]
        if shuffled:
            labels = torch.randint(CLASSES, (number,), generator=draw)
        return TensorExamples(pictures.to(torch.uint8), labels)

    form = ImageInput(1, size, (0.3,), (0.2,), crop_padding=0, flip=flip)
    return _task("image", some(count), some(validation), form)


def sequences(count: int = 64, length: int = 24, *, reverse_complement: bool = True) -> TaskData:
    """One-hot A C G T N, where a class has more of the pairs A T or C G; a third is padding."""
    draw = torch.Generator().manual_seed(count)

    def some(number: int) -> PaddedExamples:
        labels = torch.randint(2, (number,), generator=draw)
        strong = torch.rand(number, length, generator=draw) < 0.2 + 0.6 * labels[:, None]
        bases = torch.where(
            strong,
            torch.randint(1, 3, (number, length), generator=draw),
            3 * torch.randint(0, 2, (number, length), generator=draw),
        )
        real = torch.randint(length // 3, length + 1, (number, 1), generator=draw)
        mask = torch.arange(length) < real
        inputs = nn.functional.one_hot(bases, 5).float() * mask[:, :, None]
        return PaddedExamples(inputs, labels, mask)

    form = SequenceInput(length, channels=5, reverse_complement=reverse_complement)
    return _task("sequence", some(count), some(32), form, classes=2)


def places(count: int = 64, length: int = 12) -> TaskData:
    """Tokens whose right answer is the token itself; every other place is not scored, and its label would mislead."""
    draw = torch.Generator().manual_seed(count)

    def some(number: int) -> TensorExamples:
        tokens = torch.randint(CLASSES, (number, length), generator=draw)
        return TensorExamples(tokens, tokens.masked_fill(torch.arange(length) % 2 == 1, IGNORED))

    return _task("sequence", some(count), some(16), SequenceInput(length, vocabulary=CLASSES, pooling=""))


def small_net(*, dropout: float = 0.0, norm: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8) if norm else nn.Identity(),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.AdaptiveAvgPool2d((4, 1)),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


def _task(
    kind: Kind, train: Examples, validation: Examples, form: ImageInput | SequenceInput, classes: int = CLASSES
) -> TaskData:
    nothing = Baseline("chance", 1 / classes, "by definition")
    info = TaskInfo("made", kind, "made for a test", "here", "none", "random", "none known", (8,), nothing)
    everything = torch.arange(len(train))
    names = tuple(f"class {number}" for number in range(classes))
    content = digest(train.batch(everything).inputs, train.labels(), validation.labels())
    return TaskData(info, train, validation, {8: validation}, names, form, content)
