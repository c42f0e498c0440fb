"""DNA as a model reads it: one-hot A C G T N of a set length, with a mask; and a task's data made of split files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from suites.tasks.dna_files import Entry
from suites.tasks.dna_splits import Splits
from suites.tasks.errors import DataError
from suites.tasks.examples import digest
from suites.tasks.task import Baseline, Batch, SequenceInput, TaskData, TaskInfo

ALPHABET = "ACGTN"
"""The channels, in this order. Without N, the last one, a reversed order is the complement."""

PADDING = len(ALPHABET)
"""Index of a place after the end of a sequence."""

MOST_BASES = 2**32
"""Bases that are held at a time, padding included: 4 GiB."""

Crop = Literal["start", "centre"]
"""What is kept of a sequence that is too long: its first bases, or the middle, where a site was centred."""

_LEAF = 20
"""Training examples that decide together what sequences of about a length are: fewer would be chance."""

_INDEX_OF = bytes(ALPHABET.find(chr(byte)) if chr(byte) in ALPHABET else PADDING for byte in range(256))
_CHANNELS = torch.eye(PADDING + 1, PADDING)  # (6, 5): a row a base, zeros for padding


@dataclass(frozen=True)
class DnaExamples:
    """Sequences of a set length, a byte a base."""

    bases: Tensor
    """Indices into `ALPHABET`, or `PADDING`: (N, L) uint8."""
    lengths: Tensor
    """Real bases of each, from the start: (N,) int64, 1 to L."""
    targets: Tensor
    """Classes, (N,) int64."""

    def __len__(self) -> int:
        return len(self.bases)

    def batch(self, indices: Tensor) -> Batch:
        """The examples at `indices`: one-hot (B, L, 5) float32, zeros in padding; no mask where nothing is padded."""
        inputs = _CHANNELS[self.bases[indices].long()]  # (B, L, 5)
        return Batch(inputs, self.targets[indices], self._mask(indices))

    def labels(self) -> Tensor:
        """Every label."""
        return self.targets

    def _mask(self, indices: Tensor) -> Tensor | None:
        length = self.bases.shape[1]
        if len(self) > 0 and int(self.lengths.min()) == length:
            return None
        return torch.arange(length) < self.lengths[indices, None]  # (B, L)


def encode(sequences: Sequence[str], length: int, crop: Crop = "start") -> tuple[Tensor, Tensor]:
    """Sequences of the letters of `ALPHABET`, cropped or padded at the end.

    Returns:
        Bases (N, length) uint8 as in `DnaExamples`, and how many of them are real, (N,) int64.
    """
    rows = [_crop(sequence, length, crop).encode("ascii").translate(_INDEX_OF) for sequence in sequences]
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    padded = bytearray(b"".join(row.ljust(length, bytes([PADDING])) for row in rows))
    bases = torch.frombuffer(padded, dtype=torch.uint8) if padded else torch.empty(0, dtype=torch.uint8)
    return bases.view(len(rows), length), lengths


def task_data(
    info: TaskInfo,
    splits: Splits,
    size: int,
    test_sizes: Sequence[int],
    *,
    crop: Crop,
    reverse_complement: bool,
) -> TaskData:
    """Encode what was split: training and validation at `size`, tests at `size` and each of `test_sizes`.

    Raises:
        DataError: a length below 1, or one that would fill the memory; one class only, a class without an example to
            train on, or an empty split.
    """
    lengths = list(dict.fromkeys([size, *test_sizes]))
    if min(lengths) < 1:
        raise DataError(f"{info.name}: a length must be at least 1, got {min(lengths)}")
    _check_room(info.name, splits, lengths)
    classes = _classes(info.name, splits)
    train, validation = (_examples(entries, classes, size, crop) for entries in (splits.train, splits.validation))
    tests = {length: _examples(splits.test, classes, length, crop) for length in lengths}
    return TaskData(
        info=info,
        train=train,
        validation=validation,
        tests=dict(tests),
        classes=classes,
        input=SequenceInput(length=size, channels=len(ALPHABET), reverse_complement=reverse_complement),
        digest=_digest([train, validation, *tests.values()], classes),
        shortcut=partial(by_length, train, tests[size]),
        notes=(
            *splits.notes,
            *_untested(splits, classes),
            *_cropped(splits, size, crop),
            *_alike([*train.bases, *validation.bases], tests[size].bases),
        ),
    )


def by_length(train: DnaExamples, test: DnaExamples) -> Baseline | None:
    """How far the number of bases tells the class: at each length, what training sequences of about that length are.

    A model is not shown padding, but may count. None where the length tells nothing: all are equally long, or too few.
    """
    if len(torch.cat([train.lengths, test.lengths]).unique()) == 1:
        return None
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(min_samples_leaf=_LEAF, random_state=0)
    tree.fit(train.lengths[:, None].numpy(), train.targets.numpy())
    if tree.get_depth() == 0:
        return None
    right = tree.score(test.lengths[:, None].numpy(), test.targets.numpy())
    how = f"a decision tree on min(length, {train.bases.shape[1]}), {_LEAF} training examples a leaf at least"
    return Baseline("the length alone", float(right), f"measured on this split with scikit-learn: {how}")


def _check_room(name: str, splits: Splits, lengths: Sequence[int]) -> None:
    bases = (len(splits.train) + len(splits.validation)) * lengths[0] + len(splits.test) * sum(lengths)
    if bases > MOST_BASES:
        raise DataError(
            f"{name}: padded to {max(lengths):,} bases its sequences take {bases / 2**30:.3g} GiB; read fewer"
        )


def _crop(sequence: str, length: int, crop: Crop) -> str:
    start = max(0, len(sequence) - length) // 2 if crop == "centre" else 0
    return sequence[start : start + length]


def _classes(name: str, splits: Splits) -> tuple[str, ...]:
    """Every label of the files, in order, each of which can be learnt."""
    for split in ("train", "validation", "test"):
        if not getattr(splits, split):
            raise DataError(f"{name}: no {split} example is left; {_reasons(splits)}")
    classes = tuple(sorted(splits.labels))
    if len(classes) < 2:
        raise DataError(f"{name}: one class only ('{classes[0]}'), so nothing can be learnt; is that the label column?")
    learnt = {entry.label for entry in splits.train}
    for entry in (*splits.validation, *splits.test):
        if entry.label not in learnt:
            raise DataError(
                f"{name}: {entry.where} has the label '{entry.label}', which no training example has; "
                "add examples of it to train on, or remove it"
            )
    without = [label for label in classes if label not in learnt]
    if without:
        raise DataError(f"{name}: class '{without[0]}' has no example to train on; {_reasons(splits)}")
    return classes


def _reasons(splits: Splits) -> str:
    count = sum(map(len, (splits.train, splits.validation, splits.test)))
    few = f"{len(splits.labels)} classes in {count} sequences: too few of each, or the label is another column"
    small = few if 2 * len(splits.labels) > count else "the files are too small to be split"
    return "; ".join(splits.notes) or small


def _examples(entries: Sequence[Entry], classes: Sequence[str], length: int, crop: Crop) -> DnaExamples:
    bases, lengths = encode([entry.sequence for entry in entries], length, crop)
    index = {label: i for i, label in enumerate(classes)}
    return DnaExamples(bases, lengths, torch.tensor([index[entry.label] for entry in entries], dtype=torch.int64))


def _digest(splits: Iterable[DnaExamples], classes: Sequence[str]) -> str:
    parts = [tensor for split in splits for tensor in (split.bases, split.lengths, split.targets)]
    return digest(*parts, *classes)


def _alike(known: Iterable[Tensor], tested: Tensor) -> list[str]:
    """Sequences that differ behind the crop alone: the model sees no difference."""
    rows = {row.numpy().tobytes() for row in known}
    count = sum(row.numpy().tobytes() in rows for row in tested)
    return [f"{count} test sequences are, as far as they are read, equal to one learnt or chosen on"] if count else []


def _untested(splits: Splits, classes: Sequence[str]) -> list[str]:
    asked = {entry.label for entry in splits.test}
    return [f"class '{label}' has no test example: nothing is said of it" for label in classes if label not in asked]


def _cropped(splits: Splits, size: int, crop: Crop) -> list[str]:
    counts = [sum(len(entry.sequence) > size for entry in entries) for entries in (splits.train, splits.test)]
    if not any(counts):
        return []
    kept = "first" if crop == "start" else "middle"
    return [
        f"{counts[0]} training and {counts[1]} test sequences are longer than {size}: the {kept} {size} bases are read"
    ]
