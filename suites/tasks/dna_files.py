"""DNA sequences with labels, read strictly from CSV and FASTA files, plain or compressed by gzip."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.paths import is_file
from suites.tasks.task import TaskInfo

IUPAC = "RYSWKMBDHV"
"""Codes of the nomenclature committee of IUB (1984) for a base that is one of two or three; they are read as N."""

AMBIGUOUS = str.maketrans(IUPAC, "N" * len(IUPAC))
"""Table for `str.translate`: these codes to N."""

_KNOWN = frozenset("ACGTN")
_NAMED = 3  # bad entries that a note names before it counts the rest


class Entry(NamedTuple):
    """One labelled sequence."""

    sequence: str
    """Of the letters A C G T N."""
    label: str
    where: str
    """File and line, as in ``test.csv:12``."""


@dataclass(frozen=True)
class Reading:
    """What a file holds."""

    entries: list[Entry]
    labels: frozenset[str]
    """Every label in the file, also those of which no entry is of use."""
    notes: list[str]
    """What was left out or read as something else."""


def data_file(root: Path | None, path: str, info: TaskInfo) -> Path:
    """`path` under the data root, or the same with ``.gz`` at its end.

    Raises:
        DataMissing: neither is there.
    """
    if root is None:
        raise DataMissing(f"{info.name}: no data root to look for {path} in; set VIO_BENCH_DATA. {info.obtain}")
    for found in (root / path, root / f"{path}.gz"):
        if is_file(found):
            return found
    raise DataMissing(f"{info.name}: {root / path}[.gz] is not there. {info.obtain}")


def read_csv(path: Path, *, sequence: str, label: str, strip: str = "") -> Reading:
    """Read two columns of a CSV file with a header.

    Args:
        path: the file; gzip where it ends in ``.gz``.
        sequence: column of the sequences.
        label: column of the labels.
        strip: characters to remove around a sequence.

    Raises:
        DataError: the file can't be read, has no such column or a line of another width, or is not of DNA.
    """
    with _opened(path) as file, _long_fields():
        return _sort_out(path, _csv_rows(path, file, sequence, label, strip))


def read_fasta(path: Path) -> Reading:
    """Read a FASTA file whose headers end with the label: ``>class`` or ``>name ... class``.

    Raises:
        DataError: the file can't be read, does not begin with a header, or is not of DNA.
    """
    with _opened(path) as file:
        return _sort_out(path, _fasta_rows(path, file))


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A text file; what goes wrong while it is read becomes a `DataError`."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                yield file
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged, or not a gzip file ({error}); copy or download it again") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8 ({error.reason}); convert it, or name it .gz if it is") from error
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror or error})") from error


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the csv module read chromosomes: its limit of 131,072 characters a field is of the whole process."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv_rows(path: Path, file: TextIO, sequence: str, label: str, strip: str) -> Iterator[Entry]:
    reader = csv.reader(file, strict=True)
    try:
        header = next(reader, [])
        if not header:
            raise DataError(f"{path}: empty; it needs a header with the columns {sequence} and {label}")
        at, of = (_column(path, header, name) for name in (sequence, label))
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(f"{path}:{reader.line_num}: {len(row)} fields, but the header has {len(header)}")
            yield Entry(row[at].strip().strip(strip), row[of].strip(), f"{path.name}:{reader.line_num}")
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not CSV ({error})") from error


def _column(path: Path, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        found = "no column" if name not in header else "more than one column"
        raise DataError(
            f"{path}:1: {found} '{name}'; it has {', '.join(header)}. Columns are parted by commas; name others as "
            "csv:PATH:SEQUENCE_COLUMN,LABEL_COLUMN"
        )
    return header.index(name)


def _fasta_rows(path: Path, file: TextIO) -> Iterator[Entry]:
    header: tuple[str, str] | None = None
    parts: list[str] = []
    for number, line in enumerate(file, start=1):
        text = line.strip()
        if text.startswith(">"):
            if header is not None:
                yield Entry("".join(parts), *header)
            header, parts = ("".join(text[1:].split()[-1:]), f"{path.name}:{number}"), []
        elif text and header is None:
            raise DataError(f"{path}:{number}: a sequence without a header; FASTA begins with a line like '>class'")
        else:
            parts += text.split()
    if header is not None:
        yield Entry("".join(parts), *header)


def _sort_out(path: Path, rows: Iterable[Entry]) -> Reading:
    """Keep what is of use, in upper case; count and name the rest."""
    entries: list[Entry] = []
    labels: set[str] = set()
    bad: dict[str, list[str]] = {}
    ambiguous: Counter[str] = Counter()
    for row in rows:
        written = in_upper_case(row.sequence)
        plain = written.translate(AMBIGUOUS)
        labels |= {row.label} - {""}
        fault = _fault(plain, row.label)
        if fault:
            bad.setdefault(fault[0], []).append(row.where + fault[1])
            continue
        if plain != written:
            ambiguous.update(letter for letter in written if letter in IUPAC)
        entries.append(Entry(plain, row.label, row.where))
    notes = [f"{path.name}: {len(names)} {fault}, left out: {_named(names)}" for fault, names in bad.items()]
    if ambiguous:
        letters = "".join(sorted(ambiguous))
        notes.append(f"{path.name}: {ambiguous.total()} ambiguous bases ({letters}) read as N")
    _check_usable(path, len(entries), sum(map(len, bad.values())), notes)
    return Reading(entries, frozenset(labels), notes)


def in_upper_case(sequence: str) -> str:
    """The letters A C G T N for either case and for RNA's U; what is no letter of ASCII stays, and is unknown."""
    return sequence.upper().replace("U", "T") if sequence.isascii() else sequence


def _fault(sequence: str, label: str) -> tuple[str, str] | None:
    """What is wrong with an entry, and a detail for its name; none where nothing is."""
    if not sequence:
        return "with an empty sequence", ""
    unknown = sorted(set(sequence) - _KNOWN)
    if unknown:
        return "with unknown letters", f" ({''.join(unknown)[:8]!r})"
    return None if label else ("without a label", "")


def _named(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest


def _check_usable(path: Path, good: int, bad: int, notes: list[str]) -> None:
    if good + bad == 0:
        raise DataError(f"{path}: no sequence in it")
    if bad > good:
        raise DataError(f"{path}: {bad} of {good + bad} sequences can't be used; is it DNA? {'; '.join(notes)}")
