"""A workload that is learnt first: the examples of a task, under a recipe."""

from __future__ import annotations

from typing import ClassVar, Literal

from suites.recipe import Recipe
from suites.schema import Strict
from suites.terms import PATCH, Layout, Mode, Positive


class TaskWorkload(Strict):
    """A task at one input size. It offers whatever an `ImageWorkload` offers; what is timed is one untrained batch."""

    kind: Literal["task"] = "task"
    """What the input is."""
    task: str
    """The task's name."""
    reads: Literal["image", "sequence"]
    """What its examples are."""
    input_size: Positive
    """Side in pixels, or length in tokens, of a training example."""
    channels: Positive | None
    """Channels of an image or of a token; none where tokens are whole numbers."""
    vocabulary: Positive | None
    """Tokens are whole numbers below this; none where they are rows of numbers."""
    classes: Positive
    """Classes that a model tells apart."""
    pooling: Literal["avg", "last", ""]
    """What the classifier of a model of sequences reads."""
    test_sizes: list[Positive]
    """Further lengths that are tested."""
    batch: Positive = 1
    """Examples in the forward that is timed."""
    layout: Layout = "contiguous"
    """Memory format of weights and input where it is timed."""
    data: str
    """Digest of the examples: other data are another workload."""
    recipe: Recipe
    """How it is learnt."""

    source: ClassVar[str] = "noise"
    fuse: ClassVar[bool] = False
    mode: ClassVar[Mode] = "forward"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input tensor: (B, C, H, W), (B, L, C), or (B, L) for whole numbers."""
        if self.reads == "image":
            return self.batch, self.channels or 0, self.input_size, self.input_size
        return (self.batch, self.input_size) if self.channels is None else (self.batch, self.input_size, self.channels)

    @property
    def dimensions(self) -> dict[str, int]:
        """The input's sides by name."""
        if self.reads == "image":
            return {"height": self.input_size, "width": self.input_size}
        return {"length": self.input_size} | ({} if self.channels is None else {"channels": self.channels})

    @property
    def tokens(self) -> int:
        """Nominal sequence length: (H/16) * (W/16) of an image, at least 1; the length of a sequence."""
        return max(1, self.input_size // PATCH) ** 2 if self.reads == "image" else self.input_size

    @property
    def size(self) -> str:
        """The input's size without unit."""
        return str(self.input_size)

    @property
    def unit(self) -> str:
        """The unit of `size`."""
        return "px" if self.reads == "image" else "tokens"

    @property
    def title(self) -> tuple[str, ...]:
        """The task and its size as a heading."""
        return f"{self.task}, {self.input_size:,} {self.unit}", f"{self.classes} classes"

    @property
    def setting(self) -> str:
        """What it has beside its size that no comparison crosses."""
        return f"{self.task}, batch {self.batch}"

    @property
    def label(self) -> str:
        """A few words for a person."""
        return f"{self.task}, {self.input_size} {self.unit}"

    @property
    def block(self) -> str:
        """Workloads of one block are compared with each other."""
        return f"task-{self.task}-{self.input_size}-b{self.batch}"
