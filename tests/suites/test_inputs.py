from __future__ import annotations

import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torchvision.transforms import v2

from suites.inputs import make_input
from suites.workload import ImageWorkload, SequenceWorkload


def test_photographs_are_what_torchvision_makes_of_them() -> None:
    made = make_input(ImageWorkload(batch=3, height=96, width=160), seed=0)
    transform = v2.Compose(
        [
            v2.Resize((96, 160), interpolation=v2.InterpolationMode.BICUBIC),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    names = ("china.jpg", "flower.jpg", "china.jpg")
    expected = torch.stack([transform(Image.fromarray(load_sample_image(name))) for name in names])
    assert torch.allclose(made, expected, atol=1e-5)


def test_noise_is_standard_normal_and_seeded() -> None:
    workload = ImageWorkload(height=224, width=224, source="noise")
    first = make_input(workload, seed=1)
    assert torch.equal(first, make_input(workload, seed=1))
    assert not torch.equal(first, make_input(workload, seed=2))
    assert abs(float(first.mean())) < 0.02


def test_sequences_are_standard_normal_and_seeded() -> None:
    workload = SequenceWorkload(batch=2, length=500, channels=64)
    made = make_input(workload, seed=1)
    assert made.shape == (2, 500, 64)
    assert torch.equal(made, make_input(workload, seed=1))
    assert abs(float(made.mean())) < 0.02 and abs(float(made.std()) - 1) < 0.02
