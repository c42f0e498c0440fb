"""From what a person gives to what a model reads, by the same steps as in training: one class a form of input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from baselines.errors import UsageError
from bench.model_card import ImageForm, SequenceForm
from bench.prediction_inputs import Given, whole_numbers
from bench.training.data import pictures
from suites.tasks.dna import PADDING, DnaExamples, encode
from suites.tasks.dna_files import AMBIGUOUS, in_upper_case
from suites.tasks.image_files import as_rgb, undecodable
from suites.tasks.task import Batch

_GREY = ("1", "L", "LA")


class Form(Protocol):
    """How inputs of one kind become tensors. Those of one shape go through the model together."""

    def example(self, content: Given) -> Tensor:
        """One input. Raises `UsageError` that says what is wrong with it."""

    def batch(self, examples: Sequence[Tensor]) -> Batch:
        """Inputs of one shape, with labels of no meaning."""


def form_of(given: ImageForm | SequenceForm) -> Form:
    """The form that a model's card describes. Raises `UsageError` where single answers can't be had for it."""
    if isinstance(given, ImageForm):
        if given.channels not in (1, 3):
            raise UsageError(f"the model reads images of {given.channels} channels; predict is for grey or colour ones")
        return Pictures(given)
    if not given.pooling:
        raise UsageError("the model answers at every place of a sequence; predict is for one answer an input")
    if given.letters is not None:
        return Letters(given)
    if given.vocabulary is None:
        raise UsageError(f"the model reads rows of {given.channels} numbers, and nothing says what they stand for")
    return Tokens(given, given.vocabulary)


class Pictures:
    """Images as (C, size, size) float32, normalised. One that is not square loses its longer sides' ends."""

    def __init__(self, form: ImageForm) -> None:
        self._form = form

    def example(self, content: Given) -> Tensor:
        """A path, an image of Pillow's, or a uint8 array (H, W) or (H, W, C)."""
        pixels = self._pixels(self._decoded(content))
        return pictures(Batch(pixels.unsqueeze(0), torch.zeros(1)), self._form.input).inputs[0]

    def batch(self, examples: Sequence[Tensor]) -> Batch:
        """(B, C, size, size)."""
        return Batch(torch.stack(list(examples)), _no_labels(examples))

    def _decoded(self, content: Given) -> Image.Image:
        if isinstance(content, np.ndarray):
            return self._of_array(content)
        if not isinstance(content, (Path, Image.Image)):
            raise UsageError(f"the model reads images, not {type(content).__name__}")
        try:
            opened = Image.open(content) if isinstance(content, Path) else content
            opened.load()  # a header may be whole where the rest is cut off
            upright = ImageOps.exif_transpose(opened)
            colours = as_rgb(upright)
        except UnidentifiedImageError as error:
            raise UsageError("no image that Pillow knows, or corrupt from its first bytes on") from error
        except Exception as error:  # for a corrupt file Pillow's decoders may raise anything
            raise UsageError(f"can't be decoded ({undecodable(error)})") from error
        return self._in_colours(upright, colours)

    def _in_colours(self, image: Image.Image, colours: Image.Image) -> Image.Image:
        """RGB, as training reads files; a colour image is not made grey unasked, as no task ever does it."""
        if self._form.channels == 3:
            return colours
        if image.mode not in _GREY:
            raise UsageError(f"has colours ({image.mode}), and the model reads grey images; convert it to grey")
        return image.convert("L")

    def _of_array(self, array: np.ndarray[Any, np.dtype[Any]]) -> Image.Image:
        channels = 1 if array.ndim == 2 else array.shape[-1]
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or not array.size:
            raise UsageError(f"an array must be uint8 (H, W) or (H, W, C), got {array.dtype} {array.shape}")
        if channels != self._form.channels:
            raise UsageError(f"has {channels} channels, and the model reads {self._form.channels}; shape {array.shape}")
        return Image.fromarray(np.ascontiguousarray(array.squeeze(2) if array.shape[2:] == (1,) else array))

    def _pixels(self, image: Image.Image) -> Tensor:
        """(C, H, W) uint8, square."""
        side = self._form.size if self._form.decoded_to_size else min(image.size)
        if image.size != (side, side):
            image = ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)
        flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        return flat.view(side, side, self._form.channels).permute(2, 0, 1).contiguous()


class Letters:
    """DNA or RNA as indices of bases, cropped or padded to the training length."""

    def __init__(self, form: SequenceForm) -> None:
        self._form = form

    def example(self, content: Given) -> Tensor:
        """A string of any case; codes of several bases are N, and ``<`` ``>`` around it are dropped: (L,) uint8."""
        if not isinstance(content, str):
            raise UsageError(f"the model reads DNA, not {type(content).__name__}")
        plain = in_upper_case("".join(content.split()).strip("<>")).translate(AMBIGUOUS)
        unknown = sorted(set(plain) - set(self._form.letters or ""))
        if unknown:
            raise UsageError(
                f"letters that are no DNA: {''.join(unknown)[:8]!r}; it is written in A C G T U N and IUPAC's codes"
            )
        if not plain:
            raise UsageError("an empty sequence")
        return encode([plain], self._form.length, self._form.crop)[0][0]

    def batch(self, examples: Sequence[Tensor]) -> Batch:
        """(B, L, 5) float32 with a mask, or none where nothing is padded."""
        bases = torch.stack(list(examples))
        return DnaExamples(bases, (bases != PADDING).sum(1), _no_labels(examples)).batch(torch.arange(len(bases)))


class Tokens:
    """Whole numbers. They are never cropped: a model may be asked beyond its training length."""

    def __init__(self, form: SequenceForm, vocabulary: int) -> None:
        self._form, self._vocabulary = form, vocabulary

    def example(self, content: Given) -> Tensor:
        """A sequence of whole numbers, or a JSON list, filled up to the training length where the task did: (L,)."""
        values = list(whole_numbers(content))
        bad = [value for value in values if not 0 <= value < self._vocabulary]
        if bad:
            raise UsageError(f"tokens are whole numbers from 0 to {self._vocabulary - 1}, got {bad[0]}")
        if not values or set(values) == {self._form.padding}:
            raise UsageError("an empty sequence")
        if self._form.padding is not None:
            values += [self._form.padding] * (self._form.length - len(values))
        return torch.tensor(values, dtype=torch.int64)

    def batch(self, examples: Sequence[Tensor]) -> Batch:
        """(B, L), with a mask where the task pads."""
        inputs = torch.stack(list(examples))
        mask = None if self._form.padding is None else inputs != self._form.padding
        return Batch(inputs, _no_labels(examples), mask)


def _no_labels(examples: Sequence[Tensor]) -> Tensor:
    return torch.zeros(len(examples), dtype=torch.int64)
