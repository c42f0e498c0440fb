"""DNA tasks: strict reading, one-hot with masks, no leaks, and the splits of the data at hand."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suites.tasks import TASKS
from suites.tasks.dna import DnaExamples, by_length, encode
from suites.tasks.dna_files import Entry, Reading, read_csv, read_fasta
from suites.tasks.dna_splits import reverse_complement, separate, split_file
from suites.tasks.errors import DataError, DataMissing
from suites.tasks.gene_type import GeneType
from suites.tasks.task import TaskData
from tests.suites.tasks.dna_texts import csv_of, distinct, write
from vio.registry import create_model

DNA_TASKS = ("gene_type", "gue_prom_300_tata", "gue_prom_core_all", "gue_tf_0", "gue_splice", "ncrna")
BASES = st.text("ACGTN", min_size=1, max_size=40)


def reading(*pairs: tuple[str, str]) -> Reading:
    entries = [Entry(sequence, label, f"file:{i}") for i, (sequence, label) in enumerate(pairs)]
    return Reading(entries, frozenset(label for _, label in pairs), [])


def gene_type_csv(pairs: list[tuple[str, str]]) -> str:
    return ",Description,GeneType,NucleotideSequence\n" + "".join(
        f'{i},"a gene, or none",{label},<{sequence}>\n' for i, (sequence, label) in enumerate(pairs)
    )


def labelled(sequences: list[str]) -> list[tuple[str, str]]:
    return [(sequence, "ab"[i % 2]) for i, sequence in enumerate(sequences)]


class TestEncoding:
    def test_channels_are_a_c_g_t_n(self) -> None:
        bases, lengths = encode(["ACGTN"], 5)
        inputs = DnaExamples(bases, lengths, torch.zeros(1)).batch(torch.tensor([0])).inputs
        assert inputs.dtype == torch.float32
        torch.testing.assert_close(inputs[0], torch.eye(5))

    def test_padding_is_at_the_end_zero_and_masked(self) -> None:
        bases, lengths = encode(["AC", "ACGT"], 4)
        inputs, _, mask = DnaExamples(bases, lengths, torch.zeros(2)).batch(torch.tensor([0, 1]))
        assert mask is not None
        assert mask.tolist() == [[True, True, False, False], [True] * 4]
        assert inputs[0, 2:].count_nonzero() == 0

    def test_a_model_that_heeds_the_mask_can_not_tell_how_much_is_padded(self) -> None:
        torch.manual_seed(0)
        model = create_model("vio_dna", num_classes=3).eval()
        answers = []
        for length in (9, 30):
            bases, lengths = encode(["ACGTNACGT", "GGG"], length)
            inputs, _, mask = DnaExamples(bases, lengths, torch.zeros(2)).batch(torch.tensor([0, 1]))
            answers.append(model(inputs, mask).detach())
        torch.testing.assert_close(answers[0], answers[1], rtol=1e-4, atol=1e-5)

    def test_no_mask_where_all_fill_the_length(self) -> None:
        bases, lengths = encode(["ACGTA", "ACGT"], 4)
        assert DnaExamples(bases, lengths, torch.zeros(2)).batch(torch.tensor([0])).mask is None

    @pytest.mark.parametrize(("crop", "kept"), [("start", "AC"), ("centre", "GT")])
    def test_crop(self, crop: str, kept: str) -> None:
        assert encode(["ACGTNN"], 2, crop)[0].tolist() == encode([kept], 2)[0].tolist()  # type: ignore[arg-type]

    @given(BASES)
    def test_the_other_strand_is_channels_complemented_and_places_reversed(self, sequence: str) -> None:
        bases, lengths = encode([sequence, reverse_complement(sequence)], len(sequence))
        here, there = DnaExamples(bases, lengths, torch.zeros(2)).batch(torch.tensor([0, 1])).inputs
        torch.testing.assert_close(there, here[:, [3, 2, 1, 0, 4]].flip(0))

    @given(BASES)
    def test_the_other_strand_of_the_other_strand_is_the_first(self, sequence: str) -> None:
        assert reverse_complement(reverse_complement(sequence)) == sequence


class TestReading:
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV.GZ"])
    def test_csv_in_any_case_with_quotes_brackets_and_windows_line_ends(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path / name, '\ufeffid,s,kind\r\n1,"<acgt>",x\r\n\r\n2,GGU,"y, z"\r\n')
        read = read_csv(path, sequence="s", label="kind", strip="<>")
        assert read.entries == [Entry("ACGT", "x", f"{name}:2"), Entry("GGT", "y, z", f"{name}:4")]
        assert read.notes == []

    def test_fasta_over_several_lines_with_the_class_last(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.fasta.gz", ">r1\ttRNA\nAC\nGT\n\n>riboswitch\nac gu\n")
        read = read_fasta(path)
        assert read.entries == [Entry("ACGT", "tRNA", "a.fasta.gz:1"), Entry("ACGT", "riboswitch", "a.fasta.gz:5")]

    def test_ambiguous_bases_become_n_and_are_counted(self, tmp_path: Path) -> None:
        read = read_csv(write(tmp_path / "a.csv", "sequence,label\nACRYk,x\n"), sequence="sequence", label="label")
        assert read.entries[0].sequence == "ACNNN"
        assert read.notes == ["a.csv: 3 ambiguous bases (KRY) read as N"]

    def test_letters_that_upper_case_would_make_bases_are_unknown(self, tmp_path: Path) -> None:
        text = csv_of(distinct(9)) + "AC\u00dfT,odd\nAC\u017f,odd\n"  # sharp s, upper-cased SS, and long s, S
        read = read_csv(write(tmp_path / "a.csv", text), sequence="sequence", label="label")
        assert len(read.entries) == 9
        assert "2 with unknown letters, left out: a.csv:11" in read.notes[0]

    def test_bad_samples_are_left_out_counted_and_named(self, tmp_path: Path) -> None:
        good = "".join(f"{s},x\n" for s in distinct(9))
        text = "sequence,label\n,x\nACE!,x\nACGT,\n" + good + ",x\n,x\n,x\n"
        read = read_csv(write(tmp_path / "a.csv", text), sequence="sequence", label="label")
        assert len(read.entries) == 9
        assert read.notes == [
            "a.csv: 4 with an empty sequence, left out: a.csv:2, a.csv:14, a.csv:15 and 1 more",
            "a.csv: 1 with unknown letters, left out: a.csv:3 ('!E')",
            "a.csv: 1 without a label, left out: a.csv:4",
        ]

    def test_a_sequence_longer_than_the_csv_module_allows(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.csv", f"sequence,label\n{'ACGT' * 50_000},x\n")
        before = csv.field_size_limit()
        assert len(read_csv(path, sequence="sequence", label="label").entries[0].sequence) == 200_000
        assert csv.field_size_limit() == before

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            (
                "a.csv",
                b"seq,label\nACGT,x\n",
                r"a\.csv:1: no column 'sequence'; it has seq, label\. .*csv:PATH:SEQUENCE",
            ),
            ("a.csv", b"sequence,label,label\nA,x,y\n", r"a\.csv:1: more than one column 'label'"),
            ("a.csv", b"sequence,label\nACGT,x\nACGT\n", r"a\.csv:3: 1 fields, but the header has 2"),
            ("a.csv", b'sequence,label\nACGT,"x\n', r"a\.csv:2: not CSV"),
            ("a.csv", b"", r"a\.csv: empty; it needs a header"),
            ("a.csv", b"sequence,label\n", r"a\.csv: no sequence in it"),
            ("a.csv", b"sequence,label\nhello!,x\nACGT,x\nMNOP,x\n", r"2 of 3 sequences can't be used; is it DNA\?"),
            ("a.csv", gzip.compress(b"sequence,label\nACGT,x\n", mtime=0), r"a\.csv: not text in UTF-8"),
            ("a.csv.gz", b"sequence,label\nACGT,x\n", r"a\.csv\.gz: damaged, or not a gzip file"),
            ("a.csv.gz", gzip.compress(b"sequence,label\nACGT,x\n" * 99, mtime=0)[:-12], r"a\.csv\.gz: damaged"),
            ("a.csv.gz", gzip.compress(b"sequence,label\nACGT,x\n", mtime=0)[:-8] + b"\0" * 8, r"a\.csv\.gz: damaged"),
            ("a.fasta", b"ACGT\n>x\n", r"a\.fasta:1: a sequence without a header"),
            ("a.fasta", b"", r"a\.fasta: no sequence in it"),
            ("a.fasta", b">x\n>y\nACGT\n>z\n", r"2 of 3 sequences can't be used.*empty sequence, left out: a\.fasta:1"),
        ],
    )
    def test_a_bad_file_is_named_with_the_line(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_fasta(path) if ".fasta" in name else read_csv(path, sequence="sequence", label="label")


class TestSplits:
    def test_leaks_are_removed_from_what_is_scored_on_either_strand(self) -> None:
        train, known, new = labelled(distinct(30)), distinct(2), distinct(3, first=50)
        other_strand = [reverse_complement(sequence) for sequence in distinct(4, first=10)]
        splits = separate(reading(*train), None, reading(*labelled(known + other_strand + new)))
        assert [entry.sequence for entry in splits.test] == new
        assert "2 test sequences removed that stand in what is trained or chosen on" in splits.notes
        assert "4 test sequences removed whose reverse complement stands there" in splits.notes

    def test_validation_file_is_cleaned_too_and_the_test_of_it(self) -> None:
        a, b, c = distinct(3)
        splits = separate(reading((a, "x")), reading((a, "x"), (b, "x")), reading((b, "x"), (c, "x")))
        assert [[e.sequence for e in part] for part in (splits.train, splits.validation, splits.test)] == [
            [a],
            [b],
            [c],
        ]

    def test_repetitions_stay_once_and_contradictions_not_at_all(self) -> None:
        a, b, c, d = distinct(4)
        splits = separate(reading((a, "x"), (b, "x"), (a, "x"), (b, "y")), reading((c, "x")), reading((d, "x")))
        assert [entry.where for entry in splits.train] == ["file:0"]
        assert splits.notes == [
            "2 training sequences removed that stand there with two labels",
            "1 repeated training sequences removed",
        ]

    @given(st.lists(st.tuples(st.text("AC", min_size=1, max_size=6), st.sampled_from("xyz")), min_size=1, max_size=60))
    def test_parts_of_one_file_never_share_a_sequence_or_its_other_strand(self, pairs: list[tuple[str, str]]) -> None:
        splits = split_file(reading(*pairs))
        parts = [{entry.sequence for entry in part} for part in (splits.train, splits.validation, splits.test)]
        both = [part | set(map(reverse_complement, part)) for part in parts]
        assert not (both[0] & parts[1] or both[0] & parts[2] or both[1] & parts[2])

    def test_a_class_of_one_example_is_trained_on(self) -> None:
        pairs = [(sequence, sequence) for sequence in distinct(40)]
        splits = separate(reading(*pairs), None, reading(("GGG", pairs[0][1])))
        assert len(splits.train) == 40
        assert splits.validation == []


class TestGeneType:
    def test_trains_on_test_csv_and_scores_on_what_is_new_in_validation_csv(self, tmp_path: Path) -> None:
        write(tmp_path / "dna/gene_type/test.csv", gene_type_csv(labelled(distinct(40))))
        write(tmp_path / "dna/gene_type/validation.csv.gz", gene_type_csv(labelled(distinct(10, first=36))))
        data = GeneType().load(tmp_path, 8)
        assert (len(data.train), len(data.validation), len(data.tests[8])) == (36, 4, 6)
        assert data.notes[0] == "4 test sequences removed that stand in what is trained or chosen on"

    def test_label_that_training_never_saw(self, tmp_path: Path) -> None:
        write(tmp_path / "dna/gene_type/test.csv", gene_type_csv(labelled(distinct(40))))
        write(tmp_path / "dna/gene_type/validation.csv", gene_type_csv([("GGGG", "a"), ("GGGT", "new")]))
        with pytest.raises(DataError, match=r"validation\.csv:3 has the label 'new', which no training example has"):
            GeneType().load(tmp_path, 8)

    @pytest.mark.parametrize("name", DNA_TASKS)
    def test_missing_data_say_where_and_how(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DataMissing, match=rf"{name}: {tmp_path}/dna/\S+ is not there\. Put .*VIO_BENCH_DATA"):
            TASKS.load(name).load(tmp_path, 64)
        with pytest.raises(DataMissing, match=r"no data root.*set VIO_BENCH_DATA"):
            TASKS.load(name).load(None, 64)


@cache
def at_hand(name: str, size: int) -> TaskData:
    root = os.environ.get("VIO_BENCH_DATA")
    try:
        return TASKS.load(name).load(Path(root) if root else None, size)
    except DataMissing as error:
        pytest.skip(str(error))


class TestDataAtHand:
    @pytest.mark.parametrize(
        ("name", "size", "known", "left"), [("gene_type", 1024, 903, 3674), ("ncrna", 1024, 341, 2188)]
    )
    def test_known_leaks(self, name: str, size: int, known: int, left: int) -> None:
        data = at_hand(name, size)
        assert data.notes[0] == f"{known} test sequences removed that stand in what is trained or chosen on"
        assert len(data.tests[size]) == left

    def test_gene_type_has_the_published_majority_and_its_rarest_class(self) -> None:
        data = at_hand("gene_type", 1024)
        counts = Counter(data.tests[1024].labels().tolist())
        frequent, count = counts.most_common(1)[0]
        assert data.classes[frequent] == "PSEUDO"
        assert count / counts.total() == pytest.approx(0.466, abs=0.002)
        assert (data.train.labels() == data.classes.index("scRNA")).sum() == 1

    def test_splice_trains_on_the_dev_file(self) -> None:
        data = at_hand("gue_splice", 400)
        assert len(data.train) + len(data.validation) == 4562 - 20
        assert len(data.tests[400]) == 4513
        assert data.train.batch(torch.tensor([0])).mask is None


def of_lengths(lengths: list[int], targets: list[int]) -> DnaExamples:
    width = max(lengths)
    return DnaExamples(
        torch.zeros(len(lengths), width, dtype=torch.uint8), torch.tensor(lengths), torch.tensor(targets)
    )


def test_what_the_length_alone_tells_is_measured():
    told = by_length(of_lengths([30] * 50 + [40] * 50, [0] * 50 + [1] * 50), of_lengths([30, 40, 40, 40], [0, 1, 1, 0]))
    assert told and told.accuracy == 0.75
    mixed = by_length(of_lengths([30, 40] * 50, [0, 0, 0, 1] * 25), of_lengths([30, 40], [1, 0]))
    assert mixed and mixed.accuracy <= 0.5
    assert by_length(of_lengths([40] * 60, [0, 1] * 30), of_lengths([40, 40], [0, 1])) is None
    few = of_lengths([30, 40] * 5, [0, 1] * 5)
    assert by_length(few, few) is None  # too few to tell from chance
