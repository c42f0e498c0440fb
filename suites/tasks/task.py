"""A task: labelled data with its split, transform and metric, and the simple baseline that a model must beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["image", "sequence"]
Pooling = Literal["avg", "last", ""]

IGNORED = -100
"""Label of a place that is not scored, as in `torch.nn.functional.cross_entropy`."""


class Batch(NamedTuple):
    """Some examples, raw: transforms are applied later."""

    inputs: Tensor
    """Images (B, C, H, W) uint8; one-hot sequences (B, L, C) float32; or tokens (B, L) int64."""
    labels: Tensor
    """Classes (B,) int64; or (B, L) where every place has one, `IGNORED` where none is scored."""
    mask: Tensor | None = None
    """True for real tokens, (B, L); none where nothing is padded."""


class Examples(Protocol):
    """Labelled examples that can be asked for in any order."""

    def __len__(self) -> int:
        """How many there are."""

    def batch(self, indices: Tensor) -> Batch:
        """The examples at `indices`, (B,) int64, in that order; the same each time."""

    def labels(self) -> Tensor:
        """The label of every example, (N,) int64, or (N, L) as in `Batch`."""


@dataclass(frozen=True)
class ImageInput:
    """What a model of images is given."""

    channels: int
    size: int
    """Side in pixels that images are resized to."""
    mean: tuple[float, ...]
    """Of each channel over the training split, of values in [0, 1]."""
    std: tuple[float, ...]
    crop_padding: int = 0
    """Pixels (of the resized image) that a training crop may be off centre; 0 for no random crop."""
    flip: bool = False
    """Whether a mirrored image keeps its label, so that training may flip it."""


@dataclass(frozen=True)
class SequenceInput:
    """What a model of sequences is given."""

    length: int
    """Tokens of a training example, padding included."""
    channels: int | None = None
    """Numbers a token; none where tokens are whole numbers."""
    vocabulary: int | None = None
    """Tokens are whole numbers below this; none where they are rows of numbers."""
    pooling: Pooling = "avg"
    """What the classifier reads: the mean over the places, the last place, or each place by itself."""
    reverse_complement: bool = False
    """Whether training may read the other strand: channels A C G T N in this order, places reversed."""


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same split; one that does not beat it has learnt nothing of interest."""

    name: str
    """What it is, in a few words."""
    accuracy: float
    """Share of the test examples that it gets right, 0 to 1."""
    source: str
    """How the figure was obtained."""


@dataclass(frozen=True)
class TaskInfo:
    """All that can be said of a task without loading it."""

    name: str
    kind: Kind
    about: str
    """One line for `vio-bench list tasks`."""
    source: str
    """Where the data come from."""
    licence: str
    split: str
    """What is trained, validated and tested on."""
    leaks: str
    """What was removed so that nothing of the test is known beforehand; 'none known' where nothing was found."""
    sizes: tuple[int, ...]
    """Input sizes that make sense: pixels or tokens. The first is the default."""
    baseline: Baseline
    obtain: str = ""
    """How to get the data where they are missing, and how much that is; empty where they come with a package."""


def _no_shortcut() -> None:
    """Nothing is tried."""


@dataclass(frozen=True)
class TaskData:
    """A task's data in memory or on disk, split and ready to be asked for batches."""

    info: TaskInfo
    train: Examples
    validation: Examples
    """Held out of training: the learning rate and the best epoch are chosen on it."""
    tests: dict[int, Examples]
    """Test examples by input size; the training size first. Others are longer or shorter sequences."""
    classes: tuple[str, ...]
    """Names of the classes by index."""
    input: ImageInput | SequenceInput
    digest: str
    """SHA-256 of everything that decides the examples: 16 hex digits."""
    shortcut: Callable[[], Baseline | None] = _no_shortcut
    """Measures what can be told without looking at the content, such as by the length alone; None where nothing can."""
    notes: tuple[str, ...] = field(default=())
    """What was found and done while loading: leaks removed, bad examples counted and named."""


class Task(Protocol):
    """One file a task, or an entry in the file of its kind; found through `suites.tasks.TASKS`."""

    @property
    def info(self) -> TaskInfo:
        """What can be said of it without loading it."""

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:
        """Read or generate the data.

        Args:
            root: the data root (`VIO_BENCH_DATA`); None where there is none.
            size: side in pixels, or length in tokens, to train on.
            test_sizes: further lengths to test on, for sequences.
            seed: of the validation split and of generated examples. The test examples of a real data set, and the
                validation split too, are the same for every seed.

        Raises:
            DataMissing: the data are not there; the message says how to get them, and how much that is.
            DataError: they are there and can't be used; the message names file, line or entry, and what is wrong.
        """
