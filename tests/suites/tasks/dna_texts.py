"""Small files of DNA for tests to read."""

from __future__ import annotations

import gzip
from pathlib import Path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix.lower() == ".gz" else text.encode())
    return path


def distinct(count: int, first: int = 0) -> list[str]:
    """Sequences of which none is another, nor the other strand of another: A or C only, by the digits of a number."""
    return [f"{number:012b}".replace("0", "A").replace("1", "C") for number in range(first, first + count)]


def csv_of(sequences: list[str]) -> str:
    return "sequence,label\n" + "".join(f"{s},{'even' if i % 2 == 0 else 'odd'}\n" for i, s in enumerate(sequences))
