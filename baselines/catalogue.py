"""The catalogue: every model by its name, and how it is built for an input size.

Four sources answer for a name: VIO's own models, timm's, token mixers (``mixer/...``) and a user's
``package.module:factory``. Names in ``size_classes.yaml`` are known without importing anything heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import yaml

from baselines.errors import UsageError
from baselines.registry import Registry, unknown_name

if TYPE_CHECKING:
    from torch import nn

Shape: TypeAlias = "tuple[str | int, ...]"
"""Shape of an input, letters for what may be anything."""

IMAGES: Shape = ("B", 3, "H", "W")
SEQUENCES: Shape = ("B", "L", "C")

_IMAGE_AXES = 4
_KINDS = {4: "images", 3: "sequences", 2: "whole numbers"}

SIZE_CLASSES = ("nano", "tiny", "small", "base")


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a model before it is built."""

    name: str
    family: str
    source: str
    size_class: str | None = None


@dataclass(frozen=True)
class Head:
    """What a task wants of a model: what it reads, and what it says of it."""

    classes: int
    channels: int | None = None
    """Channels of an image or of a token; none where tokens are whole numbers."""
    vocabulary: int | None = None
    """Tokens are whole numbers below this."""
    pooling: str = "avg"
    """For sequences: `avg` or `last` for one answer, empty for one at every place."""


class ModelSource(Protocol):
    """Where models of one origin come from. One module each; found through ``SOURCES``."""

    def names(self) -> list[str]:
        """The names to suggest for a misspelt one; none where they can't be known."""

    def find(self, name: str) -> str | None:
        """The family of ``name``, or None where this source does not know it."""

    def takes(self, name: str) -> Shape | None:
        """The input that ``name`` takes, or None where any may be tried."""

    def config(self, name: str, family: str, shape: tuple[int, ...]) -> dict[str, Any]:
        """The arguments that ``name`` is built with for an input of this shape."""

    def task_config(self, name: str, family: str, shape: tuple[int, ...], head: Head) -> dict[str, Any]:
        """The arguments that ``name`` is built with for a task. Raises ``UsageError`` where it can't be had for it."""

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """The model with fresh random weights, on torch's current default device."""


SOURCES: Registry[ModelSource] = Registry(
    "model_source",
    {
        "vio": "baselines.vio_models:SOURCE",
        "mixer": "baselines.mixer_models:SOURCE",
        "user": "baselines.user_models:SOURCE",
        "timm": "baselines.timm_models:SOURCE",
    },
)


@cache
def size_classes() -> dict[str, list[ModelEntry]]:
    """The models that stand against each other, a list a size class."""
    table = yaml.safe_load((Path(__file__).parent / "size_classes.yaml").read_text(encoding="utf-8"))
    return {
        size: [
            ModelEntry(name, family, source="vio" if family == "vio" else "timm", size_class=size)
            for family, names in table[size].items()
            for name in names
        ]
        for size in SIZE_CLASSES
    }


def listed() -> dict[str, ModelEntry]:
    """Every model of the size-class table, by name."""
    return {entry.name: entry for entries in size_classes().values() for entry in entries}


def find(name: str) -> ModelEntry:
    """What is known of ``name``. Raises ``UsageError`` with the nearest names where nothing is."""
    if name in listed():
        return listed()[name]
    for source_name in SOURCES:
        family = SOURCES.load(source_name).find(name)
        if family is not None:
            return ModelEntry(name, family, source_name)
    known = [known for source_name in SOURCES for known in SOURCES.load(source_name).names()]
    raise unknown_name("model", name, known, hint="see 'vio-bench list models'")


def config(entry: ModelEntry, shape: tuple[int, ...]) -> dict[str, Any]:
    """The arguments that decide how ``entry`` is built for an input of ``shape``.

    Raises ``UsageError`` where the model takes another kind of input.
    """
    source = SOURCES.load(entry.source)
    takes = source.takes(entry.name)
    if takes is not None and not _fits(shape, takes):
        raise UsageError(f"model '{entry.name}' takes {in_words(takes)}, not {in_words(shape)}")
    return source.config(entry.name, entry.family, shape)


def task_config(entry: ModelEntry, shape: tuple[int, ...], head: Head) -> dict[str, Any]:
    """The arguments that decide how ``entry`` is built for a task whose inputs have this shape.

    Raises ``UsageError`` where the model takes another kind of input, or classifies nothing.
    """
    source = SOURCES.load(entry.source)
    takes = source.takes(entry.name)
    if takes is not None and (len(takes) == _IMAGE_AXES) != (len(shape) == _IMAGE_AXES):
        raise UsageError(f"model '{entry.name}' takes {in_words(takes)}, not {in_words(shape)}")
    return source.task_config(entry.name, entry.family, shape, head)


def channels(entry: ModelEntry) -> int | None:
    """Channels of a token, where ``entry`` takes sequences of one number of them only."""
    takes = SOURCES.load(entry.source).takes(entry.name)
    last = takes[-1] if takes else None
    return last if isinstance(last, int) else None


def in_words(shape: Shape) -> str:
    """What an input is, and its shape."""
    return f"{_KINDS[len(shape)]} ({', '.join(map(str, shape))})"


def _fits(shape: tuple[int, ...], takes: Shape) -> bool:
    return len(shape) == len(takes) and all(isinstance(b, str) or a == b for a, b in zip(shape, takes, strict=True))


def build(entry: ModelEntry, config: dict[str, Any]) -> nn.Module:
    """Build ``entry`` in evaluation mode with fresh random weights."""
    return SOURCES.load(entry.source).build(entry.name, config).eval()
