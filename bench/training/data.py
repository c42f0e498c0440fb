"""Which examples a step sees, and what the model is given of them: decided by seed, epoch and step alone."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from bench.training.augment import other_strands, shift_and_flip
from suites.tasks.task import Batch, Examples, ImageInput, SequenceInput


def generator(seed: int, purpose: str, number: int) -> torch.Generator:
    """Random numbers that depend on nothing else. The seed is hashed: torch's generator reads 32 bits of it only."""
    hashed = hashlib.sha256(f"{seed} {purpose} {number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(hashed[:4], "big"))


class Order:
    """The order in which `count` training examples are seen, `batch` a step or all where there are fewer."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.batch = min(batch, count)
        self.steps_per_epoch = count // self.batch
        self._count = count
        self._seed = seed
        self._shuffled: tuple[int, Tensor] | None = None

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to, both from 0."""
        return step // self.steps_per_epoch

    def ends_epoch(self, step: int) -> bool:
        """Whether a step is its epoch's last."""
        return (step + 1) % self.steps_per_epoch == 0

    def of_step(self, step: int) -> Tensor:
        """The indices of one step, (batch,). An epoch has each index once; those left over fill no batch."""
        epoch = self.epoch(step)
        if self._shuffled is None or self._shuffled[0] != epoch:
            self._shuffled = (epoch, torch.randperm(self._count, generator=generator(self._seed, "order", epoch)))
        first = step % self.steps_per_epoch * self.batch
        return self._shuffled[1][first : first + self.batch]


def ready(
    examples: Examples,
    indices: Tensor,
    form: ImageInput | SequenceInput,
    device: torch.device,
    varied: torch.Generator | None = None,
) -> Batch:
    """The examples at `indices`, ready for the model; varied by the numbers of `varied` where it is given."""
    batch = to_device(examples.batch(indices), device)
    if isinstance(form, ImageInput):
        return pictures(batch, form, varied)
    return other_strands(batch, varied) if form.reverse_complement and varied is not None else batch


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same batch in the device's memory."""
    mask = None if batch.mask is None else batch.mask.to(device)
    return Batch(batch.inputs.to(device), batch.labels.to(device), mask)


def pictures(batch: Batch, form: ImageInput, varied: torch.Generator | None = None) -> Batch:
    """Images (B, C, H, W) uint8 -> float32 of the task's size and scale; moved and mirrored where `varied` is given."""
    from torchvision.transforms.v2 import functional as F

    images = batch.inputs
    if images.shape[2:] != (form.size, form.size):
        images = F.resize(images, [form.size, form.size], antialias=True)
    if varied is not None:
        images = shift_and_flip(images, form.crop_padding, form.flip, varied)
    images = F.to_dtype(images, torch.float32, scale=True)
    return batch._replace(inputs=F.normalize(images, list(form.mean), list(form.std)))
