"""Training examples varied in ways that keep their label.

torchvision's random transforms take no generator, and decide once for a whole batch. Here each example is varied by
itself, and by the numbers of a generator that is given, so that a run that goes on sees what it would have seen.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from suites.tasks.task import Batch

_COMPLEMENT = (3, 2, 1, 0)
"""The channel that pairs with A, C, G and T, in this order."""


def shift_and_flip(images: Tensor, most: int, flip: bool, varied: torch.Generator) -> Tensor:
    """Move images (B, C, H, W) by up to `most` pixels each way, repeating their edges, and mirror half of them."""
    if not most and not flip:
        return images
    count, _, height, width = images.shape
    rows = _moved(count, height, most, varied)  # (B, H)
    columns = _moved(count, width, most, varied)  # (B, W)
    if flip:
        mirrored = torch.rand(count, 1, generator=varied) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    which = torch.arange(count)[:, None, None]
    places = (which, rows[:, :, None], columns[:, None, :])  # (B, H, W) each, broadcast
    moved = images.permute(0, 2, 3, 1)[tuple(place.to(images.device) for place in places)]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2).contiguous()


def _moved(count: int, size: int, most: int, varied: torch.Generator) -> Tensor:
    by = torch.randint(-most, most + 1, (count, 1), generator=varied)
    return (torch.arange(size) + by).clamp(0, size - 1)


def other_strands(batch: Batch, varied: torch.Generator) -> Batch:
    """Replace half of the sequences by their reverse complement."""
    chosen = (torch.rand(len(batch.inputs), generator=varied) < 0.5).to(batch.inputs.device)  # (B,)
    other = reverse_complement(batch)
    inputs = torch.where(chosen[:, None, None], other.inputs, batch.inputs)
    labels = batch.labels
    if labels.ndim == 2:
        labels = torch.where(chosen[:, None], other.labels, labels)
    if batch.mask is None or other.mask is None:
        return Batch(inputs, labels)
    return Batch(inputs, labels, torch.where(chosen[:, None], other.mask, batch.mask))


def reverse_complement(batch: Batch) -> Batch:
    """The other strand of one-hot sequences (B, L, C), channels A C G T and then any others; padding at the end."""
    _, length, channels = batch.inputs.shape
    inputs = batch.inputs[:, :, [*_COMPLEMENT, *range(4, channels)]].flip(1)
    labels = batch.labels.flip(1) if batch.labels.ndim == 2 else batch.labels
    if batch.mask is None:
        return Batch(inputs, labels)
    mask = batch.mask.flip(1)
    order = (~mask).to(torch.uint8).sort(dim=1, stable=True).indices  # (B, L): real places first, in their order
    inputs = inputs.gather(1, order[:, :, None].expand(-1, length, channels))
    labels = labels.gather(1, order) if labels.ndim == 2 else labels
    return Batch(inputs, labels, mask.gather(1, order))


def mix(
    images: Tensor, labels: Tensor, classes: int, *, alpha: float, smoothing: float, varied: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mixup (arXiv 1710.09412): each image (B, C, H, W) blended with its opposite in the batch.

    Returns:
        The images, and the probability of each class, (B, classes), smoothed.
    """
    from timm.data.mixup import mixup_target

    seed = int(torch.randint(2**31, (), generator=varied))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))  # torch's Beta takes no generator
    targets = mixup_target(labels, classes, share, smoothing)
    return images * share + images.flip(0) * (1 - share), targets
