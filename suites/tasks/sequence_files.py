"""A task of any CSV or FASTA file of labelled DNA or RNA: ``csv:/path.csv`` and ``fasta:/path.fasta``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from baselines.errors import UsageError
from suites.tasks.dna import task_data
from suites.tasks.dna_files import Reading, read_csv, read_fasta
from suites.tasks.dna_splits import split_file
from suites.tasks.errors import DataMissing
from suites.tasks.paths import expanded, is_file
from suites.tasks.task import Baseline, Task, TaskData, TaskInfo

_SHARE = 0.15  # of all, to test on; as many are validated on


@dataclass
class SequenceFile:
    """One file, split in three in a fixed way."""

    info: TaskInfo
    path: Path
    read: Callable[[Path], Reading]

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """Read and split the file; `root` and `seed` are not used. The baseline is the most frequent class."""
        if not is_file(self.path):
            raise DataMissing(f"{self.info.name}: there is no file {self.path}; check the path")
        splits = split_file(self.read(self.path), share=_SHARE)
        data = task_data(self.info, splits, size, test_sizes, crop="start", reverse_complement=False)
        return replace(data, info=replace(self.info, baseline=_majority(data)))


def sequence_csv(path: Path | str, sequence: str = "sequence", label: str = "label") -> Task:
    """The task of a CSV file with a column of sequences and one of labels, which may be any text."""
    return _task(f"csv:{path}", expanded(path), lambda file: read_csv(file, sequence=sequence, label=label))


def fasta(path: Path | str) -> Task:
    """The task of a FASTA file; the label of a sequence is the last word of its header."""
    return _task(f"fasta:{path}", expanded(path), read_fasta)


def from_name(name: str) -> Task:
    """The task that ``csv:PATH``, ``csv:PATH:SEQUENCE,LABEL`` (columns) or ``fasta:PATH`` names.

    Raises:
        UsageError: it is none of these.
    """
    kind, _, rest = name.partition(":")
    if kind == "fasta" and rest:
        return fasta(rest)
    if kind == "csv" and ":" in rest and is_file(expanded(rest)):
        return sequence_csv(rest)
    path, _, columns = rest.partition(":")
    named = columns.split(",") if columns else ["sequence", "label"]
    if kind == "csv" and path and len(named) == 2:
        return sequence_csv(path, *named)
    raise UsageError(f"task '{name}': write csv:PATH, csv:PATH:SEQUENCE_COLUMN,LABEL_COLUMN or fasta:PATH")


def _task(name: str, path: Path, read: Callable[[Path], Reading]) -> Task:
    info = TaskInfo(
        name=name,
        kind="sequence",
        about=f"DNA or RNA: {path.name}",
        source=str(path),
        licence="of your file",
        split=f"{1 - 2 * _SHARE:.0%} of the file to train on, {_SHARE:.0%} to validate on, {_SHARE:.0%} to test on; "
        "the same each time",
        leaks="repetitions, and what stands in an earlier part on either strand, are removed and counted",
        sizes=(512, 1024, 256),
        baseline=Baseline("most frequent class", 0.0, "counted when the file is read"),
    )
    return SequenceFile(info, path, read)


def _majority(data: TaskData) -> Baseline:
    """What always naming the most frequent class of the training split gets right."""
    frequent = torch.bincount(data.train.labels()).argmax()
    test = next(iter(data.tests.values())).labels()
    share = float((test == frequent).double().mean())
    return Baseline("most frequent class", share, "the most frequent class of the training split, on the test split")
