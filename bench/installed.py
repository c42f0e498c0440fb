"""What a distribution brings with it, and how many bytes that is on disk: read from package metadata alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

ACCELERATORS = ("nvidia-", "cuda-", "triton")
"""How the names of distributions begin that only a GPU needs."""


def needed(*roots: str) -> set[str]:
    """The installed distributions among ``roots``, and what these require, and so on; extras apart."""
    found: set[str] = set()
    left = list(roots)
    while left:
        name = normal(left.pop())
        if name in found:
            continue
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # meant for another platform
            continue
        found.add(name)
        left += [re.split(r"[^A-Za-z0-9._-]", r, maxsplit=1)[0] for r in requirements if "extra ==" not in r]
    return found


def installed_bytes(distributions: Iterable[str]) -> int:
    """Bytes of their files as their records say, compiled Python apart; what only a GPU needs is not counted."""
    names = [name for name in distributions if not name.startswith(ACCELERATORS)]
    files = [file for name in names for file in metadata.files(name) or []]
    return sum(file.size or 0 for file in files if file.suffix != ".pyc")


def folder_bytes(folder: Path) -> int:
    """Bytes of a package's own files, compiled Python apart."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.suffix != ".pyc")


def normal(name: str) -> str:
    """A distribution's name in the one form that is compared (PEP 503)."""
    return re.sub("[-_.]+", "-", name).lower()
