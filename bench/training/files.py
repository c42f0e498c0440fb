"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baselines.errors import NotWritten
from suites.tasks.errors import DataError


def replace(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on disk; a kill at any moment leaves the old one or the new one.

    Raises:
        NotWritten: the operating system refuses, as where the disk is full; the old file is still there.
    """
    part = path.with_name(f"{path.name}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)  # the new name too
        finally:
            os.close(handle)


def replace_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all."""
    replace(path, json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that `replace_json` wrote.

    Raises:
        DataError: it can't be read, or is none.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}); remove the folder to train anew") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the operating system refuses is the user's to mend: say it in one line."""
    try:
        yield
    except OSError as error:
        raise NotWritten(
            f"can't write {path}: {error.strerror or error}; make room or choose another place. "
            "What was written before is safe, and training goes on from there"
        ) from error
