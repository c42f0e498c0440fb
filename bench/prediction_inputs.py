"""What a person wants answers to, item by item: images, DNA and whole numbers, given as such or in files.

An item that can't be read carries its error instead of its content, so that the others can still be answered.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from baselines.errors import UsageError
from bench.model_card import ImageForm, SequenceForm
from suites.tasks.image_files import ENDINGS

Given: TypeAlias = Any
"""A path, an image of Pillow's, an array, a string or a sequence of whole numbers; see `read_items`."""

_LONGEST_NAME = 255  # bytes, of most file systems; asking for a longer one is an error
_SHOWN = 24  # characters of a sequence that stand for it in a message
_FASTA, _TABLES, _LINES = (".fasta", ".fa", ".fna"), (".csv",), (".jsonl", ".json", ".txt")
_TORN = (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)


@dataclass(frozen=True)
class Item:
    """One input."""

    name: str
    """What a person calls it: a file, a file and its line, or its place among the inputs."""
    content: Given
    """A path or an image, a text, whole numbers, or a `UsageError`."""


def read_items(inputs: Iterable[Given], form: ImageForm | SequenceForm, column: str = "sequence") -> list[Item]:
    """Each input by itself; a file of sequences is one item a sequence.

    Args:
        inputs: for a model of images paths (also as strings), images of Pillow's, or uint8 arrays (H, W) or (H, W, C).
            For one of DNA strings, or paths of FASTA or CSV files, plain or ending in .gz. For one of whole numbers
            sequences of them, such a list as JSON text, or paths of files with one such list a line.
        form: what the model was given.
        column: of the sequences in a CSV file.
    """
    items: list[Item] = []
    for number, given in enumerate(inputs, start=1):
        if isinstance(form, ImageForm):
            path = isinstance(given, (str, Path))
            items.append(Item(str(given), Path(given)) if path else Item(f"input {number}", given))
        elif isinstance(given, Path):
            items += _file(given, form, column)
        else:
            name = given if isinstance(given, str) and given else f"input {number}"
            items.append(Item(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...", given))
    return items


def as_given(argument: str, form: ImageForm | SequenceForm) -> Given:
    """What a word of the command line means: a file wherever there is one, or the word looks like one."""
    path = Path(argument)
    if argument.lstrip().startswith("[") and not isinstance(form, ImageForm):
        return argument  # a list, of which `[1.0]` would look like a file
    if isinstance(form, ImageForm) or path.suffix or len(path.parts) > 1:
        return path
    return path if len(argument) <= _LONGEST_NAME and path.exists() else argument


def _file(path: Path, form: SequenceForm, column: str) -> list[Item]:
    """The sequences of a file. What is wrong with all of it is one item; with one of them, that one alone."""
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    try:
        rows = list(_rows(path, _reader(path, ending.lower(), form, column)))
    except UsageError as error:
        return [Item(str(path), error)]
    except _TORN as error:
        return [Item(str(path), UsageError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})"))]
    return rows or [Item(str(path), UsageError(f"{path}: no sequence in it"))]


Reader: TypeAlias = Callable[[TextIO], Iterator[tuple[str, Given]]]
"""Gives the place of each sequence within the file, and the sequence."""


def _reader(path: Path, ending: str, form: SequenceForm, column: str) -> Reader:
    if form.letters is None and ending in _LINES:
        return _lists
    if form.letters is not None and ending in _FASTA:
        return lambda file: _fasta(path, file)
    if form.letters is not None and ending in _TABLES:
        return lambda file: _table(path, file, column)
    wanted = _LINES if form.letters is None else (*_FASTA, *_TABLES)
    kind = "an image" if ending in ENDINGS else f"'{ending}'"
    raise UsageError(f"{path}: the model reads sequences, not {kind}; give a file that ends in {', '.join(wanted)}")


def _rows(path: Path, reader: Reader) -> Iterator[Item]:
    plain = path.suffix != ".gz"
    with (
        path.open(encoding="utf-8-sig", newline="")
        if plain
        else gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    ) as file:
        for place, content in reader(file):
            yield Item(f"{path}:{place}", content)


def _fasta(path: Path, file: TextIO) -> Iterator[tuple[str, Given]]:
    place, parts = "", list[str]()
    for number, line in enumerate(file, start=1):
        if line.startswith(">"):
            if place:
                yield place, "".join(parts)
            place, parts = f"{number} {line[1:].strip()[:_SHOWN]}".rstrip(), []
        elif line.strip() and not place:
            raise UsageError(f"{path}:{number}: a sequence without a header; FASTA begins with a line like '>name'")
        else:
            parts += line.split()
    if place:
        yield place, "".join(parts)


def _table(path: Path, file: TextIO, column: str) -> Iterator[tuple[str, Given]]:
    before = csv.field_size_limit(sys.maxsize)  # chromosomes; the limit is of the whole process
    try:
        yield from _fields(path, csv.reader(file, strict=True), column)
    finally:
        csv.field_size_limit(before)


def _fields(path: Path, reader: Any, column: str) -> Iterator[tuple[str, Given]]:
    header: list[str] = next(reader, [])
    if header.count(column) != 1:
        raise UsageError(
            f"{path}:1: no single column '{column}' ({', '.join(header)}); name the right one with --column"
        )
    at = header.index(column)
    for row in reader:
        if row:
            short = UsageError(f"{path}:{reader.line_num}: {len(row)} fields, but the header has {len(header)}")
            yield str(reader.line_num), row[at] if len(row) == len(header) else short


def _lists(file: TextIO) -> Iterator[tuple[str, Given]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield str(number), line


def whole_numbers(content: Given) -> Sequence[int]:
    """Whole numbers, given as such or as a JSON list. Raises `UsageError` where they are something else."""
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"not a list of whole numbers in JSON ({error})") from error
    values = content.tolist() if hasattr(content, "tolist") else content  # an array's or a tensor's
    if not isinstance(values, (list, tuple)) or not all(type(value) is int for value in values):
        raise UsageError("not a list of whole numbers, such as [3, 1, 4]")
    return values
