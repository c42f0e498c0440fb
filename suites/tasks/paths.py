"""Places that a person names: whether they can be read, and how they are written in a message."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suites.tasks.errors import DataError, DataMissing


def shown(path: Path | str) -> str:
    """A path or name as text that can be printed and stored: bytes in it that are no UTF-8 become `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def reachable(place: Path) -> Iterator[None]:
    """Within it, what can't be listed or read is a `DataError` that names it, or `place` where the system doesn't."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{shown(error.filename or place)}: can't be read ({error.strerror or error}); "
            "mend the path, or give yourself the right to read it"
        ) from error


def is_file(path: Path) -> bool:
    """Whether there is such a file. Raises `DataError` where one may not look, or no file can have that name."""
    with reachable(path):
        return path.is_file()


def expanded(path: Path | str) -> Path:
    """The path with a leading `~` or `~user` replaced by that home folder. Raises `DataMissing` where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataMissing(f"{shown(path)}: no home folder of that user; write the whole path") from error
