"""75 images a class of CIFAR-100 in one .npz: small enough to train on with two cores."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import torch

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.examples import TensorExamples
from suites.tasks.images import check_request, data_root, tensor_task
from suites.tasks.paths import is_file
from suites.tasks.task import Baseline, TaskData, TaskInfo

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]

FILE = Path("cifar100_subset", "cifar100_6000_1500.npz")
"""Below the data root."""

_UNREADABLE = (OSError, ValueError, EOFError, AttributeError, TypeError, BadZipFile, zlib.error, lzma.LZMAError)
"""What numpy and zipfile raise for a file that is cut off, damaged, no archive, or would have to be unpickled."""

_ARRAYS = ("x_train", "y_train", "x_test", "y_test", "classes")


class Cifar100Subset:
    """6,000 training and 1,500 test images of the official splits, with their 100 fine labels."""

    info = TaskInfo(
        name="cifar100_subset",
        kind="image",
        about="60 + 15 photographs a class of CIFAR-100, 32 x 32 colour, 100 classes",
        source="CIFAR-100 (Krizhevsky, 2009): a part of either official split",
        licence="none stated by its authors",
        split="60 training images a class, 10 % of them for validation; 15 test images a class",
        leaks="training images with an exact copy in validation or test",
        sizes=(32, 64),
        baseline=Baseline(
            "logistic regression on principal components", 0.13, "measured on the fine labels with scikit-learn"
        ),
        obtain=(
            f"Needs {FILE} (17 MB): x_train and x_test (N, 32, 32, 3) uint8, y_train and y_test (N,), classes (100,); "
            "the whole set is task 'cifar100'"
        ),
    )

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """As `Task.load`."""
        check_request(self.info, size, test_sizes)
        path = data_root(self.info, root) / FILE
        if not is_file(path):
            raise DataMissing(f"task '{self.info.name}': no {path}. {self.info.obtain}")
        arrays = _read(path)
        return tensor_task(
            self.info,
            str(path),
            _examples(path, arrays, "train"),
            _examples(path, arrays, "test"),
            _classes(path, arrays["classes"]),
            size=size,
            crop_padding=size // 8,
            flip=True,
        )


TASK = Cifar100Subset()


def _read(path: Path) -> Arrays:
    """The arrays by name, never unpickled."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in _ARRAYS}
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]}; it needs the arrays {', '.join(_ARRAYS)}") from error
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or "damaged, or no archive of plain arrays"
        raise DataError(f"{path}: not a readable .npz ({reason}); get the file again") from error


def _classes(path: Path, names: np.ndarray[Any, np.dtype[Any]]) -> tuple[str, ...]:
    """The names of the classes, from (C,)."""
    if names.ndim != 1:
        raise DataError(f"{path}: classes is {names.dtype} {names.shape}; it must be a row of names, (C,)")
    return tuple(str(name) for name in names)


def _examples(path: Path, arrays: Arrays, split: str) -> TensorExamples:
    """A split, from (N, H, W, 3) to (N, 3, H, W)."""
    images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    if images.dtype.name != "uint8" or images.ndim != 4 or images.shape[3] != 3:
        raise DataError(f"{path}: x_{split} is {images.dtype} {images.shape}; it must be uint8 (N, H, W, 3)")
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise DataError(f"{path}: y_{split} is {labels.dtype} {labels.shape}; it must be {len(images)} whole numbers")
    return TensorExamples(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels.astype("int64"))
    )
