"""The image sets that torchvision reads, by its own loaders."""

from __future__ import annotations

import gzip
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.examples import TensorExamples
from suites.tasks.images import check_request, data_root, tensor_task
from suites.tasks.paths import is_file, reachable
from suites.tasks.task import Baseline, TaskData, TaskInfo

_UNREADABLE = (RuntimeError, ValueError, TypeError, AssertionError, OSError, EOFError, KeyError, pickle.UnpicklingError)
"""What torchvision's loaders raise when files are not what they should be."""


@contextmanager
def _unpacked(root: Path) -> Iterator[Path]:
    """A root where torchvision finds Fashion-MNIST as it reads it: unpacked.

    Where only the four .gz are there, this is a temporary one: the data root may be read-only.
    """
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import check_integrity

    raw = Path("FashionMNIST", "raw")
    if all((root / raw / name).with_suffix("").is_file() for name, _ in FashionMNIST.resources):
        yield root
        return
    with TemporaryDirectory() as scratch:
        (scratch / raw).mkdir(parents=True)
        for name, md5 in FashionMNIST.resources:
            packed = root / raw / name
            if not check_integrity(packed, md5):
                raise DataError(f"{packed}: not there, or not the file that torchvision knows by its md5; get it again")
            with gzip.open(packed) as source, (scratch / raw / name).with_suffix("").open("wb") as target:
                shutil.copyfileobj(source, target)
        yield Path(scratch)


@dataclass(frozen=True)
class TorchvisionTask:
    """A data set of torchvision that fits into memory."""

    info: TaskInfo
    dataset: str
    """Name of the class in `torchvision.datasets`."""
    megabytes: int
    """What a download fetches."""
    padding_share: int
    """Random crops are padded by the size divided by this."""
    readable: Callable[[Path], AbstractContextManager[Path]] = nullcontext
    """Gives the root that torchvision reads, from the data root."""

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """As `Task.load`."""
        check_request(self.info, size, test_sizes)
        place = data_root(self.info, root)
        self._check_present(place)
        try:
            with self.readable(place) as source:
                train, test = (self._class()(source, train=split, download=False) for split in (True, False))
        except _UNREADABLE as error:
            raise self._unreadable(place, error) from error
        return tensor_task(
            self.info,
            str(place / self.dataset),
            _examples(train),
            _examples(test),
            tuple(train.classes),
            size=size,
            crop_padding=size // self.padding_share,
            flip=True,
        )

    def download(self, root: Path) -> None:
        """Fetch what is missing below `root` by torchvision's downloader, which checks md5 sums.

        Raises:
            DataError: the download failed.
        """
        if not self._absent(root):
            return
        try:
            self._class()(root, train=True, download=True)
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"task '{self.info.name}': download to {root} failed: {reason}") from error

    def _class(self) -> Any:
        """torchvision's class."""
        import torchvision

        return getattr(torchvision.datasets, self.dataset)

    def _files(self, root: Path) -> list[tuple[Path, str]]:
        """Every file as it is published, with its md5 sum."""
        dataset = self._class()
        if hasattr(dataset, "resources"):
            return [(root / self.dataset / "raw" / name, md5) for name, md5 in dataset.resources]
        listed = [*dataset.train_list, *dataset.test_list, (dataset.meta["filename"], dataset.meta["md5"])]
        return [(root / dataset.base_folder / name, md5) for name, md5 in listed]

    def _absent(self, root: Path) -> list[Path]:
        """Files that are there neither as published nor unpacked."""
        return [path for path, _ in self._files(root) if not is_file(path) and not is_file(path.with_suffix(""))]

    def _check_present(self, root: Path) -> None:
        absent = self._absent(root)
        if absent:
            raise DataMissing(
                f"task '{self.info.name}': no {absent[0]}; get it with --download, "
                f"or with: {_command(self.dataset, str(root))} ({self.megabytes} MB)"
            )

    def _unreadable(self, root: Path, error: Exception) -> DataError:
        """The error that names the files which differ from the published ones."""
        from torchvision.datasets.utils import check_integrity

        with reachable(root):
            wrong = [str(path) for path, md5 in self._files(root) if path.is_file() and not check_integrity(path, md5)]
        what = ", ".join(wrong) or str(self._files(root)[0][0].parent)
        reason = "their md5 sums are not torchvision's" if wrong else " ".join(str(error).split())
        return DataError(
            f"task '{self.info.name}': {what} can't be read ({reason}); delete and get again with --download"
        )


def _command(dataset: str, root: str) -> str:
    """What to type to fetch a data set."""
    return f"python -c \"from torchvision.datasets import {dataset}; {dataset}('{root}', download=True)\""


def _obtain(dataset: str, megabytes: int) -> str:
    return f"Get it with --download, or with: {_command(dataset, 'DATA_ROOT')} ({megabytes} MB)"


def _examples(dataset: Any) -> TensorExamples:
    """Grey images (N, H, W), or colour ones (N, H, W, 3), as (N, C, H, W)."""
    data = torch.as_tensor(dataset.data)
    images = data.unsqueeze(1) if data.ndim == 3 else data.permute(0, 3, 1, 2)
    return TensorExamples(images.contiguous(), torch.as_tensor(dataset.targets, dtype=torch.int64))


def _cifar(classes: int, baseline: Baseline, megabytes: int) -> TorchvisionTask:
    """CIFAR-10 or CIFAR-100."""
    dataset = f"CIFAR{classes}"
    info = TaskInfo(
        name=dataset.lower(),
        kind="image",
        about=f"photographs, 32 x 32 colour, {classes} classes",
        source=f"CIFAR-{classes} (Krizhevsky, 2009) through torchvision",
        licence="none stated by its authors",
        split="official: 50,000 / 10,000; 10 % of each class in training for validation",
        leaks="training images with an exact copy in validation or test; near copies are known (ciFAIR, 2020) and stay",
        sizes=(32, 64),
        baseline=baseline,
        obtain=_obtain(dataset, megabytes),
    )
    return TorchvisionTask(info, dataset, megabytes, padding_share=8)


FASHION_MNIST = TorchvisionTask(
    TaskInfo(
        name="fashion_mnist",
        kind="image",
        about="articles of clothing, 28 x 28 grey, 10 classes",
        source="Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017) through torchvision",
        licence="MIT",
        split="official: 60,000 / 10,000; 10 % of each class in training for validation",
        leaks="none known: no two images are equal",
        sizes=(32, 28, 64),
        baseline=Baseline("logistic regression on pixels", 0.845, "measured on the official split with scikit-learn"),
        obtain=_obtain("FashionMNIST", 31),
    ),
    "FashionMNIST",
    megabytes=31,
    padding_share=16,
    readable=_unpacked,
)

CIFAR10 = _cifar(
    10, Baseline("softmax regression on pixels", 0.39, "published ones reach 37 to 39 %; not measured here"), 170
)

CIFAR100 = _cifar(100, Baseline("one class always", 0.01, "exact: the test split has 100 images of each class"), 169)
