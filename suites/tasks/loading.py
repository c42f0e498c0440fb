"""Load a task by name, once a process, from the data root."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from suites.tasks import TASKS
from suites.tasks.errors import DataMissing
from suites.tasks.paths import reachable
from suites.tasks.task import Task, TaskData

DATA_ROOT = "VIO_BENCH_DATA"
"""Environment variable that names the data root."""


def data_root() -> Path | None:
    """The folder that `VIO_BENCH_DATA` names; None where it is not set. Raises `DataMissing` where there is none."""
    named = os.environ.get(DATA_ROOT)
    if not named:
        return None
    root = Path(named)
    with reachable(root):
        if not root.is_dir():
            raise DataMissing(f"{DATA_ROOT}={named} is not a folder; let it name the one that holds the data sets")
    return root


def find_task(name: str) -> Task:
    """A registered task, or a user's own data as `image_folder:PATH`, `csv:PATH` or `fasta:PATH`.

    Raises `UsageError` with the nearest names where there is no such task.
    """
    prefix = name.partition(":")[0]
    if prefix == name:
        return TASKS.load(name)
    if prefix == "image_folder":
        from suites.tasks.image_folder import image_folder

        return image_folder(name.partition(":")[2])
    from suites.tasks.sequence_files import from_name

    return from_name(name)


def fetch(task: Task) -> None:
    """Download the data of a task into the data root, where they are not there yet and the task knows how.

    Of others, loading them says how they are got. Raises `DataError` without a data root, or where the download fails.
    """
    download = getattr(task, "download", None)
    if download is None:
        return
    root = data_root()
    if root is None:
        raise DataMissing(f"--download needs a folder to fetch into; let {DATA_ROOT} name it")
    download(root)


@lru_cache(maxsize=4)
def load_task(name: str, size: int, test_sizes: tuple[int, ...] = ()) -> TaskData:
    """The data of a task at one input size. What it raises is that of `Task.load`."""
    return find_task(name).load(data_root(), size, test_sizes=test_sizes)
