"""What generated tasks share: seeds a split, splits without repeats, and the assembly of a task's data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suites.tasks.errors import DataError
from suites.tasks.examples import digest
from suites.tasks.task import Batch, SequenceInput, TaskData, TaskInfo

TEST_TOKENS = 2**22
"""Tokens of a test set at most: longer sequences are fewer, so that a test far beyond the training length ends."""
FEWEST = 256
"""Test examples that a length has at least, before repeats are left out."""
_ROWS = 1024  # examples drawn at a time: bounds the memory that random keys take

Draw = Callable[[int, int, int], tuple[Tensor, Tensor]]
"""Count, length and seed to tokens (N, L) and labels (N,) or (N, L): the same for the same three numbers."""


@dataclass(frozen=True)
class SplitSizes:
    """Examples of each split, before repeats are left out."""

    train: int
    validation: int
    test: int

    def __str__(self) -> str:
        counts = f"{self.train:,} train, {self.validation:,} validation, {self.test:,} test a length"
        return f"{counts} (fewer where they would pass {TEST_TOKENS:,} tokens), each from a seed of its own"


@dataclass(frozen=True)
class TokenExamples:
    """Sequences of tokens (N, L) with labels (N,) or (N, L), stored in few bytes and given out as int64."""

    inputs: Tensor
    targets: Tensor
    padding: int | None = None
    """The token that fills up a short sequence; none where all are of one length."""

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Tensor) -> Batch:
        """The examples at `indices`, with a mask where sequences are padded."""
        inputs = self.inputs[indices].long()
        return Batch(inputs, self.targets[indices].long(), None if self.padding is None else inputs != self.padding)

    def labels(self) -> Tensor:
        """Every label."""
        return self.targets.long()


def stream(*names: object) -> int:
    """A seed of its own for whatever the names say, 63 bits: streams of different names have nothing in common."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "big") >> 1


def check_length(name: str, length: int, least: int, multiple: int = 1) -> None:
    """Raise a `DataError` where a task can't be put into `length` tokens."""
    if length < least or length % multiple:
        kind = "a whole number" if multiple == 1 else f"a multiple of {multiple}"
        raise DataError(f"{name}: {length} tokens can't hold an example: take {kind} of at least {least}")


def choose(weights: Tensor, count: int, picks: int, generator: torch.Generator) -> Tensor:
    """Draw `picks` of n things without replacement, `count` times, each next one in proportion to its weight.

    The first arrivals of exponential clocks whose rates are the weights (Efraimidis and Spirakis, 2006).

    Args:
        weights: (n,), positive.
        count: rows.
        picks: things in a row, n at most.
        generator: what to draw from.

    Returns:
        Indices (count, picks) int64, in the order in which they were drawn.
    """
    rows = []
    for start in range(0, count, _ROWS):
        shape = (min(_ROWS, count - start), len(weights))
        arrivals = -torch.rand(shape, generator=generator, dtype=torch.float64).log() / weights
        rows.append(arrivals.topk(picks, dim=1, largest=False, sorted=True).indices)
    return torch.cat(rows)


def assemble(
    info: TaskInfo,
    draw: Draw,
    counts: SplitSizes,
    classes: tuple[str, ...],
    given: SequenceInput,
    *,
    test_sizes: Sequence[int] = (),
    seed: int = 0,
    padding: int | None = None,
) -> TaskData:
    """Generate a task's splits: each from a stream of its own, and nothing in two of them.

    A split depends on seed, training length and test length alone, never on which other lengths are tested.

    Args:
        info: of the task.
        draw: makes examples.
        counts: examples of each split.
        classes: names of the classes by index.
        given: what a model is given; its length is the training length.
        test_sizes: further lengths to test on.
        seed: of everything.
        padding: the token that fills up short sequences, if any.
    """
    size, made, dropped = given.length, {}, {}
    wanted = [("train", size, counts.train), ("validation", size, counts.validation)]
    wanted += [(f"test {n}", n, _test_count(counts.test, n)) for n in dict.fromkeys((size, *test_sizes))]
    known: set[bytes] = set()
    for split, length, count in wanted:
        tokens, labels = draw(count, length, stream(info.name, seed, size, split))
        keys = _keys(tokens)
        fresh = _fresh(keys, known)
        if split in ("train", "validation"):  # tests of different lengths needn't know of each other
            known.update(keys)
        made[split] = TokenExamples(_compact(tokens[fresh]), _compact(labels[fresh]), padding)
        dropped[split] = count - len(fresh)
        _check_some_left(info.name, split, len(fresh), count)
    return TaskData(
        info=info,
        train=made["train"],
        validation=made["validation"],
        tests={length: made[split] for split, length, _ in wanted[2:]},
        classes=classes,
        input=given,
        digest=digest(info.name, *[part for one in made.values() for part in (one.inputs, one.targets)]),
        notes=("repeats left out: " + ", ".join(f"{split} {count}" for split, count in dropped.items()),),
    )


def _test_count(count: int, length: int) -> int:
    """Test examples of a length: `count`, or as many as `TEST_TOKENS` allows, but not below `FEWEST`."""
    return min(count, max(FEWEST, TEST_TOKENS // length))


def _keys(tokens: Tensor) -> list[bytes]:
    """A hash of each row of (N, L); zeros at its end don't count, so that padding tells no two rows apart."""
    return [hashlib.blake2b(row.tobytes().rstrip(b"\0"), digest_size=16).digest() for row in tokens.numpy()]


def _fresh(keys: list[bytes], known: set[bytes]) -> Tensor:
    """Indices of the first row of each key that is not known."""
    first: dict[bytes, int] = {}
    for index, key in enumerate(keys):
        first.setdefault(key, index)
    return torch.tensor([index for key, index in first.items() if key not in known], dtype=torch.int64)


def _compact(values: Tensor) -> Tensor:
    """The same whole numbers in 1 or 2 bytes each where they fit."""
    low, high = (int(values.min()), int(values.max())) if values.numel() else (0, 0)
    for dtype in (torch.uint8, torch.int16):
        if torch.iinfo(dtype).min <= low and high <= torch.iinfo(dtype).max:
            return values.to(dtype)
    return values


def _check_some_left(name: str, split: str, left: int, count: int) -> None:
    """Raise a `DataError` where sequences are so short that they repeat each other."""
    if left < count / 2:
        raise DataError(f"{name}: {count - left} of {count} examples of {split} repeat others: take longer sequences")
