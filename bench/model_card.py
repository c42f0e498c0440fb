"""The card of a trained model: all that must be known to use its weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, model_validator
from typing_extensions import Self

from suites.estimate import Estimate
from suites.schema import Strict
from suites.tasks import TASKS
from suites.tasks.dna import ALPHABET, Crop, DnaExamples
from suites.tasks.gue import Gue
from suites.tasks.task import ImageInput, Pooling, SequenceInput, TaskData
from suites.terms import Positive

CARD_VERSION = 1
"""Raised when an older reader could misread what a newer writer stores."""

_LARGEST = 4096  # pixels a side: an altered card must not ask for all memory
_LEAST_STD = 1e-6  # that float32 divides by


class ImageForm(Strict):
    """What a model of images was given; the fields of `ImageInput`, and how files became pixels."""

    kind: Literal["image"] = "image"
    """What an input is."""
    channels: Positive
    """1 for grey, 3 for colour."""
    size: Annotated[int, Field(gt=0, le=_LARGEST)]
    """Side in pixels that images are resized to."""
    mean: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """Of each channel over the training split, of values in [0, 1]."""
    std: tuple[Annotated[float, Field(ge=_LEAST_STD)], ...]
    """Likewise, the standard deviation."""
    crop_padding: Annotated[int, Field(ge=0)]
    """Pixels that a training crop was off centre at most."""
    flip: bool
    """Whether training mirrored images."""
    decoded_to_size: bool
    """Whether images were resized (bicubic) as their files were decoded, or later as tensors (bilinear)."""

    @model_validator(mode="after")
    def _of_each_channel(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"{self.channels} channels, but {len(self.mean)} means and {len(self.std)} deviations")
        return self

    @property
    def input(self) -> ImageInput:
        """The same as the trainer knows it."""
        return ImageInput(self.channels, self.size, self.mean, self.std, self.crop_padding, self.flip)


class SequenceForm(Strict):
    """What a model of sequences was given; the fields of `SequenceInput`, and how text became tokens."""

    kind: Literal["sequence"] = "sequence"
    """What an input is."""
    length: Positive
    """Tokens of a training example, padding included."""
    channels: Positive | None
    """Numbers a token; none where tokens are whole numbers."""
    vocabulary: Positive | None
    """Tokens are whole numbers below this; none where they are rows of numbers."""
    pooling: Pooling
    """What the classifier reads; empty for an answer at every place."""
    reverse_complement: bool
    """Whether training read the other strand too."""
    letters: str | None
    """The letters that channels stand for; none where an input is no text."""
    crop: Crop
    """What is kept of a text that is longer than `length`."""
    padding: Annotated[int, Field(ge=0)] | None
    """The whole number that fills up a short sequence; none where nothing does."""


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("two classes have one name")
    return names


class ModelCard(Strict):
    """All that must be known to use the weights beside it."""

    schema_version: int = CARD_VERSION
    """Version of this form."""
    cell: str
    """Identity of the cell that was trained."""
    model: str
    """The model's name: VIO's, timm's, or `package.module:factory`."""
    config: dict[str, Any]
    """The arguments that it is built with."""
    task: str
    """What it has learnt, by name."""
    data: str
    """Digest of the examples."""
    classes: Annotated[tuple[str, ...], AfterValidator(_unique)]
    """Names of the classes by index."""
    input: Annotated[ImageForm | SequenceForm, Discriminator("kind")]
    """What it was given."""
    accuracy: Estimate
    """On the task's test examples, with its interval."""
    versions: dict[str, str]
    """Of the packages that it was trained with."""


def form_of_data(data: TaskData, task: str) -> ImageForm | SequenceForm:
    """How the inputs of a task are made."""
    given = data.input
    if isinstance(given, SequenceInput):
        return SequenceForm(
            **vars(given),
            letters=ALPHABET if isinstance(data.train, DnaExamples) else None,
            crop="centre" if task in TASKS and isinstance(TASKS.load(task), Gue) else "start",
            padding=getattr(data.train, "padding", None),
        )
    from suites.tasks.image_files import ImageFiles

    return ImageForm(**vars(given), decoded_to_size=isinstance(data.train, ImageFiles))
