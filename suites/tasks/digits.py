"""The 8 x 8 digits that scikit-learn bundles: the task that needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from suites.tasks.examples import TensorExamples
from suites.tasks.images import check_request, stratified, tensor_task
from suites.tasks.task import Baseline, TaskData, TaskInfo

_BRIGHTEST = 16
"""Pixels count the dark ones among 4 x 4 of the scan."""


class Digits:
    """1,797 grey images of handwritten digits."""

    info = TaskInfo(
        name="digits",
        kind="image",
        about="handwritten digits, 8 x 8 grey, 10 classes; bundled with scikit-learn",
        source="test part of 'Optical Recognition of Handwritten Digits', UCI (Alpaydin and Kaynak, 1998)",
        licence="CC BY 4.0",
        split="fixed and by class: 20 % test; of the rest 10 % validation",
        leaks="none known: no two images are equal; a writer may be on both sides, as writers aren't told",
        sizes=(32, 16, 24, 48, 64),
        baseline=Baseline("logistic regression on pixels", 0.975, "measured on this split with scikit-learn"),
    )

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """As `Task.load`; needs no data root."""
        from sklearn.datasets import load_digits

        check_request(self.info, size, test_sizes)
        bundled = load_digits()
        images = torch.from_numpy(bundled.images).mul(255 / _BRIGHTEST).round().to(torch.uint8).unsqueeze(1)
        every = TensorExamples(images, torch.from_numpy(bundled.target).long())
        train, test = stratified(every.labels(), share=0.2)
        return tensor_task(
            self.info,
            "scikit-learn's digits",
            every.subset(train),
            every.subset(test),
            tuple(str(name) for name in bundled.target_names),
            size=size,
            crop_padding=size // 16,
            flip=False,
        )


TASK = Digits()
