"""What tests read off the data of a task."""

from __future__ import annotations

import torch

from suites.tasks.task import ImageInput, TaskData


def pixels_of(data: TaskData) -> list[bytes]:
    """Every image of the task, split by split."""
    splits = (data.train, data.validation, *data.tests.values())
    return [image.numpy().tobytes() for split in splits for image in split.batch(torch.arange(len(split))).inputs]


def image_input(data: TaskData) -> ImageInput:
    assert isinstance(data.input, ImageInput)
    return data.input
