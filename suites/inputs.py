"""The input of a cell: real photographs, normalised, or standard normal images and sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.task_workload import TaskWorkload
from suites.workload import ImageWorkload, Workload

if TYPE_CHECKING:
    import torch

PHOTOS = ("china.jpg", "flower.jpg")
"""Photographs that scikit-learn bundles, 427 x 640 pixels."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as timm and torchvision use them


def make_input(workload: Workload, seed: int) -> torch.Tensor:
    """A float32 tensor: sequences (B, L, C) standard normal; images (B, 3, H, W) too where the workload asks for noise,
    else photographs in turn, resized (bicubic) and normalised. For a task noise of its shape; tokens are int64."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    if isinstance(workload, TaskWorkload) and workload.vocabulary is not None:
        return torch.randint(workload.vocabulary, workload.shape, generator=generator)
    if not isinstance(workload, ImageWorkload) or workload.source == "noise":
        return torch.randn(workload.shape, generator=generator)
    images = [_photo(PHOTOS[i % 2], workload.height, workload.width) for i in range(min(2, workload.batch))]
    return torch.stack([images[i % 2] for i in range(workload.batch)])


def _photo(name: str, height: int, width: int) -> torch.Tensor:
    """One photograph as a tensor (3, H, W)."""
    import torch
    from PIL import Image
    from sklearn.datasets import load_sample_image

    image = Image.fromarray(load_sample_image(name)).resize((width, height), Image.Resampling.BICUBIC)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(height, width, 3)
    normalised = (pixels.float() / 255 - torch.tensor(_MEAN)) / torch.tensor(_STD)
    return normalised.permute(2, 0, 1).contiguous()
