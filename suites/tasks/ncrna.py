"""Classes of non-coding RNA: the data of nRC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suites.tasks.dna import task_data
from suites.tasks.dna_files import data_file, read_fasta
from suites.tasks.dna_splits import separate
from suites.tasks.task import Baseline, TaskData, TaskInfo


class NonCodingRna:
    """Read from FASTA files whose headers are the classes.

    Training never reads the other strand: RNA has one, and the complement of a tRNA does not fold into a tRNA. Long
    sequences lose their end.
    """

    info = TaskInfo(
        name="ncrna",
        kind="sequence",
        about="RNA: 13 classes of non-coding RNA, 38 to 770 bases",
        source="nRC (BioData Mining 10:27, 2017, doi 10.1186/s13040-017-0148-2), from Rfam",
        licence="Apache-2.0 copy of Rfam data (CC0)",
        split="train and validation: nine and one tenth of dataset_nRC_train; test: dataset_nRC_test without what "
        "stands in the training file",
        leaks="341 of 2,529 test sequences stand in the training file: removed. Left: relatives, of one Rfam family",
        sizes=(256, 512, 1024),
        baseline=Baseline(
            "6-mers + logistic regression",
            0.8990,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'k-mers', length 1024, C = 0.1 by validation",
        ),
        obtain="Put dataset_nRC_train.fasta and dataset_nRC_test.fasta (or .fasta.gz), published with nRC, into "
        "dna/ncrna13 under VIO_BENCH_DATA (2 MB)",
    )

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """Read the two files; as `suites.tasks.task.Task` says."""
        train, test = (
            read_fasta(data_file(root, f"dna/ncrna13/dataset_nRC_{name}.fasta", self.info))
            for name in ("train", "test")
        )
        splits = separate(train, None, test)
        return task_data(self.info, splits, size, test_sizes, crop="start", reverse_complement=False)


TASK = NonCodingRna()
