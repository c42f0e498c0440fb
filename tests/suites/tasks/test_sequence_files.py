"""A CSV or FASTA file of one's own as a task."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from baselines.errors import UsageError
from suites.tasks.errors import DataError, DataMissing
from suites.tasks.kmer_baseline import fit_baseline
from suites.tasks.loading import load_task
from suites.tasks.sequence_files import fasta, from_name, sequence_csv
from suites.tasks.task import SequenceInput
from tests.suites.tasks.dna_texts import csv_of, distinct, write


def test_csv_by_column_names(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", csv_of(distinct(100)).replace("sequence,label", "dna,kind"))
    data = sequence_csv(path, sequence="dna", label="kind").load(None, 16, test_sizes=(8, 16))
    assert (len(data.train), len(data.validation), len(data.tests[16])) == (70, 15, 15)
    assert list(data.tests) == [16, 8]
    assert data.tests[8].batch(torch.arange(15)).inputs.shape == (15, 8, 5)
    assert data.classes == ("even", "odd")
    assert data.input == SequenceInput(length=16, channels=5)
    labels = data.tests[16].labels()
    assert data.info.baseline.accuracy in {float((labels == c).double().mean()) for c in (0, 1)}


def test_names(tmp_path: Path) -> None:
    rows = "".join(f">{i} {'even' if i % 2 == 0 else 'odd'}\n{s}\n" for i, s in enumerate(distinct(100)))
    table = write(tmp_path / "own.csv.gz", csv_of(distinct(100)))
    same = [
        from_name(f"csv:{table}"),
        from_name(f"csv:{table}:sequence,label"),
        sequence_csv(table),
        from_name(f"fasta:{write(tmp_path / 'own.fa', rows)}"),
        fasta(tmp_path / "own.fa"),
    ]
    assert len({task.load(None, 16).digest for task in same}) == 1
    for wrong in ("csv:", "fasta:", "csv:a.csv:one", "tsv:a.tsv"):
        with pytest.raises(UsageError, match="write csv:PATH"):
            from_name(wrong)


def test_changed_data_change_the_digest_and_seeds_do_not(tmp_path: Path) -> None:
    sequences = distinct(100)
    one = sequence_csv(write(tmp_path / "1.csv", csv_of(sequences)))
    other = sequence_csv(write(tmp_path / "2.csv", csv_of([*sequences[:-1], "G"])))
    assert one.load(None, 16).digest == one.load(None, 16, seed=7).digest
    assert len({one.load(None, 16).digest, one.load(None, 8).digest, other.load(None, 16).digest}) == 3


@pytest.mark.parametrize(
    ("text", "size", "message"),
    [
        (csv_of(distinct(100)).replace("odd", "even"), 8, r"one class only \('even'\)"),
        (csv_of(distinct(2)), 8, "no (validation|test) example is left"),
        (
            "sequence,label\n" + "".join(f"{s},{s}\n" for s in distinct(100)),
            8,
            "100 classes in 100 sequences: too few of each, or the label is another column",
        ),
        (csv_of(distinct(100)) + ",rare\n", 8, r"class 'rare' has no example to train on; .*own\.csv:102"),
        (csv_of(distinct(100)), 0, "a length must be at least 1, got 0"),
    ],
)
def test_files_that_teach_nothing(tmp_path: Path, text: str, size: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        sequence_csv(write(tmp_path / "own.csv", text)).load(None, size)


def test_a_class_without_a_test_example_is_named(tmp_path: Path) -> None:
    data = sequence_csv(write(tmp_path / "own.csv", csv_of(distinct(100)) + "GGG,rare\n")).load(None, 16)
    assert "rare" in data.classes
    assert data.notes == ("class 'rare' has no test example: nothing is said of it",)


def test_sequences_that_are_equal_as_far_as_they_are_read_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", csv_of(["ACGT" + end for end in distinct(100)]))
    assert sequence_csv(path).load(None, 16).notes == ()
    assert sequence_csv(path).load(None, 4).notes[-1].startswith("15 test sequences are, as far as they are read,")


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "own.csv", csv_of(distinct(100)))
    rows = (f">{'even' if i % 2 == 0 else 'odd'}\n{s}\n" for i, s in enumerate(distinct(100)))
    write(tmp_path / "own.fa", "".join(rows))
    assert all(len(from_name(name).load(None, 16).train) == 70 for name in ("csv:~/own.csv", "fasta:~/own.fa"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"there is no file \S+no\.csv; check the path"):
        sequence_csv(tmp_path / "no.csv").load(None, 8)
    with pytest.raises(DataMissing, match=r"there is no file .*; check the path"):
        sequence_csv(tmp_path).load(None, 8)


@pytest.mark.parametrize(
    ("name", "message"),
    [("csv:~no-such-user/a.csv", "write the whole path"), (f"fasta:{'a' * 300}", "File name too long")],
)
def test_a_path_that_can_not_be_one(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_name(name).load(None, 8)


def test_a_path_with_a_colon(tmp_path: Path) -> None:
    path = write(tmp_path / "a:b.csv", csv_of(distinct(100)))
    assert len(from_name(f"csv:{path}").load(None, 16).train) == 70


def test_a_length_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", csv_of(distinct(100)))
    with pytest.raises(DataError, match=r"padded to 100,000,000 bases its sequences take 9\.31 GiB; read fewer"):
        sequence_csv(path).load(None, 10**8)


def test_baseline_learns_a_motif_and_nothing_from_shuffled_labels(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    letters = torch.randint(4, (300, 30), generator=generator)
    random = ["".join("ACGT"[i] for i in row) for row in letters.tolist()]
    rows = [(f"{s[:9]}GATTACA{s[9:]}", 1) if i % 2 else (s + "ACGTCGT", 0) for i, s in enumerate(random)]
    shuffled = torch.randint(2, (300,), generator=generator).tolist()
    scores = []
    for name, labels in (("motif", [label for _, label in rows]), ("shuffled", shuffled)):
        lines = "".join(f"{sequence},{label}\n" for (sequence, _), label in zip(rows, labels, strict=True))
        data = sequence_csv(write(tmp_path / f"{name}.csv", f"sequence,label\n{lines}")).load(None, 40)
        scores.append(fit_baseline(data, "k-mers", k=4).test)
    assert scores[0] > 0.95
    assert scores[1] < 0.75


def test_the_shortcut_of_a_file_of_ones_own_is_measured(tmp_path: Path) -> None:
    sequences = distinct(200)
    rows = [f"{s if i % 2 else s + s[::-1] + 'G'},{'short' if i % 2 else 'long'}" for i, s in enumerate(sequences)]
    path = write(tmp_path / "mine.csv", "sequence,label\n" + "\n".join(rows) + "\n")
    shortcut = load_task(f"csv:{path}:sequence,label", 32, ()).shortcut()
    assert shortcut and shortcut.accuracy == 1.0
