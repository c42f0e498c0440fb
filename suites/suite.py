"""A suite: which models, workloads, devices and metrics answer one question."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from typing_extensions import Self

from baselines.catalogue import size_classes
from suites.cell import Precision, Seed
from suites.protocol import Protocol
from suites.schema import SCHEMA_VERSION, Strict
from suites.task_axes import TaskAxes
from suites.terms import Layout, Mode, Pixels, Positive, Source
from suites.workload import ImageWorkload, SequenceWorkload, Workload, kind_of

Size = Pixels | tuple[Pixels, Pixels]
SizeClass = Literal["nano", "tiny", "small", "base"]


class ImageAxes(Strict):
    """The axes whose product are the workloads of a suite of images."""

    kind: Literal["image"] = "image"
    """What the input is."""
    image_size: Annotated[list[Size], Field(min_length=1)]
    """Sides in pixels, or [height, width] pairs."""
    batch: Annotated[list[Positive], Field(min_length=1)] = [1]
    """Batch sizes."""
    source: Source = "photo"
    """What the images show."""
    layout: Annotated[list[Layout], Field(min_length=1)] = ["contiguous"]
    """Memory formats."""
    fuse: Annotated[list[bool], Field(min_length=1)] = [False]
    """Batch norms as shipped (false) or folded (true)."""

    def workloads(self) -> Iterator[Workload]:
        """Every combination, sizes outermost."""
        for size, batch, layout, fuse in product(self.image_size, self.batch, self.layout, self.fuse):
            height, width = size if isinstance(size, tuple) else (size, size)
            yield ImageWorkload(batch=batch, height=height, width=width, source=self.source, layout=layout, fuse=fuse)


class SequenceAxes(Strict):
    """The axes whose product are the workloads of a suite of sequences."""

    kind: Literal["sequence"]
    """What the input is."""
    length: Annotated[list[Positive], Field(min_length=1)]
    """Lengths in tokens."""
    channels: Positive
    """Channels of a token."""
    batch: Annotated[list[Positive], Field(min_length=1)] = [1]
    """Batch sizes."""
    mode: Annotated[list[Mode], Field(min_length=1)] = ["forward"]
    """The forward alone, or with the backward of the sum of its output."""

    def workloads(self) -> Iterator[Workload]:
        """Every combination, modes outermost, then lengths."""
        for mode, length, batch in product(self.mode, self.length, self.batch):
            yield SequenceWorkload(batch=batch, length=length, channels=self.channels, mode=mode)


AXES: dict[str, type[Strict]] = {"image": ImageAxes, "sequence": SequenceAxes, "task": TaskAxes}
"""The axes of each kind of input."""


class Suite(Strict):
    """A question, and the cells that answer it."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
    """Short name; part of the result folder's name."""
    question: str
    """What it answers."""
    models: list[str] = []
    """Models by name."""
    size_classes: list[SizeClass] = []
    """Size classes whose models are all included."""
    workload: Annotated[
        Annotated[ImageAxes, Tag("image")]
        | Annotated[SequenceAxes, Tag("sequence")]
        | Annotated[TaskAxes, Tag("task")],
        Discriminator(kind_of),
    ]
    """What they are run on."""
    arguments: dict[str, dict[str, Any]] = {}
    """By model: arguments that fit it to the workload, such as the patch of a vision transformer for small images."""
    device: Annotated[list[str], Field(min_length=1)] = ["cpu"]
    """Devices."""
    runtime: Annotated[list[str], Field(min_length=1)] = ["eager"]
    """Runtimes."""
    precision: Annotated[list[Precision], Field(min_length=1)] = ["fp32"]
    """Number formats."""
    threads: Positive | None = None
    """Threads inside an operator; by default two, or one on a single core."""
    seed: Annotated[list[Seed], Field(min_length=1)] = [0]
    """Seeds."""
    metrics: Annotated[list[str], Field(min_length=1)]
    """Metrics."""
    protocol: Protocol = Protocol()
    """How long and how well it is measured."""

    @model_validator(mode="after")
    def _has_models(self) -> Self:
        if not self.models and not self.size_classes:
            raise ValueError("no models: name some under 'models', or a size class under 'size_classes'")
        return self

    def model_names(self) -> list[str]:
        """All models, each once, in order."""
        listed = [entry.name for size in self.size_classes for entry in size_classes()[size]]
        return list(dict.fromkeys([*self.models, *listed]))
