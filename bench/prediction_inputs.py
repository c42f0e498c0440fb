"""What a person wants answers to, item by item: images, DNA and whole numbers, given as such or in files.

An item that can't be read carries its error instead of its content, so that the others can still be answered.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np
from torch import Tensor

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

    Raises:
        UsageError: one input is given by itself, not in a list.
    """
    _check_several(inputs)
    items: list[Item] = []
    for number, given in enumerate(inputs, start=1):
        if isinstance(form, ImageForm):
            items.append(_image(number, given))
        elif isinstance(given, Path):
            items += _file(given, form, column)
        else:
            name = given if isinstance(given, str) and given else f"input {number}"
            items.append(Item(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...", given))
    return items


def _check_several(inputs: object) -> None:
    """A text and an array can be gone through like a list, but their letters and rows are not what is meant."""
    if isinstance(inputs, (str, bytes, np.ndarray, Tensor)) or not isinstance(inputs, Iterable):
        raise UsageError(
            f"expected a list of inputs, got one {type(inputs).__name__}; give a list: predict([x]), "
            "or predict(list(x)) where x is an array of several"
        )


def _image(number: int, given: Given) -> Item:
    if not isinstance(given, (str, Path)):
        return Item(f"input {number}", given)
    if not str(given):
        return Item(f"input {number}", UsageError("an empty name; give the path of an image"))
    return Item(str(given), Path(given))


def as_given(argument: str, form: ImageForm | SequenceForm) -> Given:
    """What a word of the command line means: a file wherever there is one, or the word looks like one."""
    path = Path(argument)
    if not argument:
        return argument  # nothing, which as a path would be the working folder
    if argument.lstrip().startswith("[") and not isinstance(form, ImageForm):
        return argument  # a list, of which `[1.0]` would look like a file
    if isinstance(form, ImageForm) or path.suffix or len(path.parts) > 1:
        return path
    return path if len(os.fsencode(argument)) <= _LONGEST_NAME and path.exists() else argument


def _file(path: Path, form: SequenceForm, column: str) -> list[Item]:
    """The sequences of a file. What is wrong with all of it is one item; with one of them, that one alone."""
    try:
        rows = list(_rows(path, _reader(path, form, column)))
    except UsageError as error:
        return [Item(str(path), error)]
    except _TORN as error:
        return [Item(str(path), UsageError(f"can't be read ({getattr(error, 'strerror', None) or error})"))]
    return rows or [Item(str(path), UsageError("no sequence in it"))]


Reader: TypeAlias = Callable[[TextIO], Iterator[tuple[str, Given]]]
"""Gives the place of each sequence within the file, and the sequence."""


def _reader(path: Path, form: SequenceForm, column: str) -> Reader:
    ending = _ending(path)
    if form.letters is None and ending in _LINES:
        return _lists
    if form.letters is not None and ending in _FASTA:
        return _fasta
    if form.letters is not None and ending in _TABLES:
        return lambda file: _table(file, column)
    wanted = _LINES if form.letters is None else (*_FASTA, *_TABLES)
    raise UsageError(
        f"the model reads sequences, not {_kind(path)}; give a file that ends in {', '.join(wanted)}, plain or with .gz"
    )


def _packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _ending(path: Path) -> str:
    """What a file's name ends in, in small letters; of a packed one what stands before .gz."""
    return (path.with_suffix("") if _packed(path) else path).suffix.lower()


def _kind(path: Path) -> str:
    """What a file is that has none of the endings. Raises `OSError` where it is not there."""
    path.stat()
    if path.is_dir():
        return "a folder"
    ending = _ending(path) or path.suffix
    return "an image" if ending in ENDINGS else f"'{ending}'" if ending else "a file without an ending"


def _rows(path: Path, reader: Reader) -> Iterator[Item]:
    with (
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if _packed(path)
        else path.open(encoding="utf-8-sig", newline="")
    ) as file:
        for place, content in reader(file):
            yield Item(f"{path}:{place}", content)


def _fasta(file: TextIO) -> Iterator[tuple[str, Given]]:
    place, parts = "", list[str]()
    for number, line in enumerate(file, start=1):
        if line.startswith(">"):
            if place:
                yield place, "".join(parts)
            place, parts = f"{number} {line[1:].strip()[:_SHOWN]}".rstrip(), []
        elif line.strip() and not place:
            yield str(number), UsageError("a sequence without a header; FASTA begins with a line like '>name'")
            return
        else:
            parts += line.split()
    if place:
        yield place, "".join(parts)


def _table(file: TextIO, column: str) -> Iterator[tuple[str, Given]]:
    before = csv.field_size_limit(sys.maxsize)  # chromosomes; the limit is of the whole process
    try:
        yield from _fields(csv.reader(file, strict=True), column)
    finally:
        csv.field_size_limit(before)


def _fields(reader: Any, column: str) -> Iterator[tuple[str, Given]]:
    header: list[str] = next(reader, [])
    if header.count(column) != 1:
        yield "1", UsageError(f"no single column '{column}' ({', '.join(header)}); name the right one with --column")
        return
    at = header.index(column)
    for row in reader:
        if row:
            short = UsageError(f"{len(row)} fields, but the header has {len(header)}")
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
