"""A workload: what a model is fed with, images of one size or sequences of one length."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Tag

from suites.schema import Strict
from suites.task_workload import TaskWorkload
from suites.terms import PATCH, Layout, Mode, Pixels, Positive, Source


class ImageWorkload(Strict):
    """A batch of images of one size, and how memory is laid out for it."""

    kind: Literal["image"] = "image"
    """What the input is."""
    batch: Positive = 1
    """Images in one forward."""
    height: Pixels
    """Height in pixels."""
    width: Pixels
    """Width in pixels."""
    source: Source = "photo"
    """`photo`: real photographs, resized; `noise`: standard normal."""
    layout: Layout = "contiguous"
    """Memory format of weights and input."""
    fuse: bool = False
    """Whether batch norms are folded into the layers before them."""

    mode: ClassVar[Mode] = "forward"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input tensor, (B, 3, H, W)."""
        return self.batch, 3, self.height, self.width

    @property
    def dimensions(self) -> dict[str, int]:
        """The input's sides by name."""
        return {"height": self.height, "width": self.width}

    @property
    def tokens(self) -> int:
        """Nominal sequence length: (H/16) * (W/16), the same for every family."""
        return (self.height // PATCH) * (self.width // PATCH)

    @property
    def size(self) -> str:
        """The input's size without unit: `224`, or `224x448` (height first)."""
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"

    @property
    def unit(self) -> str:
        """The unit of `size`."""
        return "px"

    @property
    def title(self) -> tuple[str, ...]:
        """The size as a heading, and then what it amounts to."""
        return f"{self.size} px", f"{self.tokens:,} tokens"

    @property
    def setting(self) -> str:
        """What it has beside its size that no comparison crosses."""
        return f"batch {self.batch}"

    @property
    def label(self) -> str:
        """A few words for a person: size, batch, and what differs from the defaults."""
        parts = [f"{self.size} px", self.setting]
        parts += ["noise"] if self.source == "noise" else []
        parts += [self.layout] if self.layout != "contiguous" else []
        parts += ["fused"] if self.fuse else []
        return ", ".join(parts)

    @property
    def block(self) -> str:
        """Workloads of one block are compared with each other."""
        return f"{self.kind}-{self.height}x{self.width}-b{self.batch}"


class SequenceWorkload(Strict):
    """A batch of standard-normal sequences of one length. It offers whatever an `ImageWorkload` offers."""

    kind: Literal["sequence"] = "sequence"
    """What the input is."""
    batch: Positive = 1
    """Sequences in one forward."""
    length: Positive
    """Length in tokens."""
    channels: Positive
    """Channels of a token."""
    mode: Mode = "forward"
    """Whether a call runs the forward alone, or also the backward of the sum of its output, for params and input."""

    source: ClassVar[Source] = "noise"
    layout: ClassVar[Layout] = "contiguous"
    fuse: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input tensor, (B, L, C)."""
        return self.batch, self.length, self.channels

    @property
    def dimensions(self) -> dict[str, int]:
        """The input's sides by name."""
        return {"length": self.length, "channels": self.channels}

    @property
    def tokens(self) -> int:
        """The length."""
        return self.length

    @property
    def size(self) -> str:
        """The length without unit."""
        return str(self.length)

    @property
    def unit(self) -> str:
        """The unit of `size`."""
        return "tokens"

    @property
    def title(self) -> tuple[str, ...]:
        """The length as a heading."""
        return (f"{self.length:,} tokens",)

    @property
    def setting(self) -> str:
        """What it has beside its size that no comparison crosses."""
        return f"batch {self.batch}, {self.channels} channels, {self.mode.replace('_', ' + ')}"

    @property
    def label(self) -> str:
        """A few words for a person."""
        return f"{self.length} tokens, {self.setting}"

    @property
    def block(self) -> str:
        """Workloads of one block are compared with each other."""
        return f"{self.kind}-{self.length}x{self.channels}-b{self.batch}-{self.mode}"


def kind_of(value: object) -> str:
    """The kind of a workload, or of a suite's axes, read or still as written: images where nothing is said."""
    kind = value.get("kind", "image") if isinstance(value, dict) else getattr(value, "kind", "image")
    return kind if isinstance(kind, str) else "image"


Workload = Annotated[
    Annotated[ImageWorkload, Tag("image")]
    | Annotated[SequenceWorkload, Tag("sequence")]
    | Annotated[TaskWorkload, Tag("task")],
    Discriminator(kind_of),
]
"""Every kind of input, told apart by `kind`."""
