"""What all image tasks share: fixed splits, channel statistics and the checks of what was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.examples import TensorExamples, digest, held_out
from suites.tasks.task import ImageInput, TaskData, TaskInfo

VALIDATION = 0.1
"""Share of each class in training that is held out for validation."""


def check_request(info: TaskInfo, size: int, test_sizes: Sequence[int]) -> None:
    """Raise `DataError` where an image task is asked for a size that makes no sense, or for several to test on."""
    if size < 1:
        raise DataError(f"task '{info.name}': images can't be {size} px wide; use one of {info.sizes}")
    if set(test_sizes) - {size}:
        raise DataError(
            f"task '{info.name}': images are tested at the size they are trained at ({size} px), "
            f"not at {sorted(set(test_sizes) - {size})}; further test sizes are for sequences"
        )


def data_root(info: TaskInfo, root: Path | None) -> Path:
    """The data root; raise `DataMissing` where there is none."""
    if root is None:
        raise DataMissing(
            f"task '{info.name}': no data root; set VIO_BENCH_DATA to the folder that holds the data. {info.obtain}"
        )
    return root


def stratified(labels: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """A fixed split that takes `share` of every class, and nothing of a class with one example alone.

    Args:
        labels: class of every example, (N,) int64.
        share: of the examples to hold out, 0 to 1.

    Returns:
        Indices to keep and indices held out, each in order.
    """
    kept, held = [torch.empty(0, dtype=torch.int64)], [torch.empty(0, dtype=torch.int64)]
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        if len(members) == 1:
            kept.append(members)
            continue
        stay, leave = held_out(len(members), share)
        kept.append(members[stay])
        held.append(members[leave])
    return torch.cat(kept).sort().values, torch.cat(held).sort().values


def moments(images: Tensor) -> Tensor:
    """Exact sums of values and of their squares in each channel of (N, C, H, W) uint8 images: (C, 2) int64."""
    values = torch.arange(256)
    powers = torch.stack([values, values**2], dim=1)  # (256, 2)
    counts = [torch.bincount(images[:, channel].flatten(), minlength=256) for channel in range(images.shape[1])]
    return torch.stack(counts) @ powers


def mean_and_std(sums: Tensor, pixels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of values in [0, 1].

    Args:
        sums: as `moments` returns them, (C, 2).
        pixels: how many values went into each sum.
    """
    mean, square = (sums.double() / pixels).unbind(1)
    std = (square - mean**2).clamp_min(1).sqrt()  # a constant channel must not become a division by zero
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


def check_classes(where: str, classes: Sequence[str], train: Tensor, test: Tensor) -> None:
    """Raise `DataError` unless there are two classes or more, and each has examples to train and to test on.

    Args:
        where: file or folder to name.
        classes: names by index.
        train: labels of the training examples, validation included, (N,) int64.
        test: labels of the test examples, (M,) int64.
    """
    every = torch.cat([train, test])
    if len(every) and not 0 <= int(every.min()) <= int(every.max()) < len(classes):
        raise DataError(
            f"{where}: labels go from {int(every.min())} to {int(every.max())}, but there are {len(classes)} classes; "
            "mend the labels or name every class"
        )
    to_train, to_test = (torch.bincount(labels, minlength=len(classes)).tolist() for labels in (train, test))
    if sum(count > 0 for count in to_train) < 2:
        found = ", ".join(f"'{name}'" for name, count in zip(classes, to_train, strict=True) if count) or "none"
        raise DataError(f"{where}: training needs examples of two classes or more; found: {found}")
    for name, trained, tested in zip(classes, to_train, to_test, strict=True):
        if tested and not trained:
            raise DataError(
                f"{where}: {tested} test examples are of class '{name}', which training never saw; "
                "add training examples or remove the class from the test"
            )
        if not trained:
            raise DataError(f"{where}: class '{name}' has no training examples; add some or remove the class")
        if not tested:
            raise DataError(f"{where}: class '{name}' has no test examples; add some or remove the class")


def tensor_task(
    info: TaskInfo,
    where: str,
    train: TensorExamples,
    test: TensorExamples,
    classes: tuple[str, ...],
    *,
    size: int,
    crop_padding: int,
    flip: bool,
) -> TaskData:
    """Check the examples, hold out the validation split and remove what training must not see.

    Args:
        info: of the task.
        where: file or folder to name in errors.
        train: all that may be trained or validated on.
        test: the test examples; none is ever removed.
        classes: names by index.
        size: side in pixels that images are resized to.
        crop_padding: as in `ImageInput`.
        flip: as in `ImageInput`.

    Raises:
        DataError: a class is empty, or is one training never saw, or is the only one.
    """
    check_classes(where, classes, train.labels(), test.labels())
    unseen = _not_in(train.inputs, test.inputs)
    kept, held = stratified(train.labels()[unseen], VALIDATION)
    validation = train.subset(unseen[held])
    learn = train.subset(unseen[kept])
    learn = learn.subset(_not_in(learn.inputs, validation.inputs))
    removed = len(train) - len(learn) - len(validation)
    check_classes(f"{where} (without {removed} copies)", classes, learn.labels(), test.labels())
    mean, std = mean_and_std(moments(learn.inputs), learn.inputs[:, 0].numel())
    parts = [tensor for split in (learn, validation, test) for tensor in (split.inputs, split.targets)]
    return TaskData(
        info=info,
        train=learn,
        validation=validation,
        tests={size: test},
        classes=classes,
        input=ImageInput(train.inputs.shape[1], size, mean, std, crop_padding, flip),
        digest=digest(*parts, *classes),
        notes=copies_note(removed),
    )


def copies_note(removed: int) -> tuple[str, ...]:
    """What to say of images that were left out of training or validation; nothing where none was."""
    return (
        (f"images left out of training or validation as exact copies of held-out ones: {removed}",) if removed else ()
    )


def _not_in(images: Tensor, others: Tensor) -> Tensor:
    """Indices of the images, (N, C, H, W), of which no exact copy is among the others."""
    known = {image.tobytes() for image in others.numpy()}
    return torch.tensor(
        [i for i, image in enumerate(images.numpy()) if image.tobytes() not in known], dtype=torch.int64
    )
