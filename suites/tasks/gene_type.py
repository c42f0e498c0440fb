"""Gene types of human genes by their sequence: the use case of the VIO-DNA document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suites.tasks.dna import task_data
from suites.tasks.dna_files import data_file, read_csv
from suites.tasks.dna_splits import separate
from suites.tasks.task import Baseline, TaskData, TaskInfo


class GeneType:
    """Read from the columns NucleotideSequence and GeneType; Description and Symbol would give the label away.

    Training may read the other strand: a gene has one type whichever strand it is read from, and enhancers and other
    regions, a third of all, have no direction. Long sequences lose their end, as the document names no other rule.
    """

    info = TaskInfo(
        name="gene_type",
        kind="sequence",
        about="DNA: ten types of human genes and regions, 4 to 1,000 bases; very unequal classes",
        source="NCBI Gene, as gathered in Kaggle's 'DNA Sequence Prediction': test.csv and validation.csv",
        licence="NCBI: no restriction",
        split="train and validation: nine and one tenth of test.csv; test: validation.csv without those of test.csv",
        leaks="903 of 4,577 test sequences stand in the training file (none of the rest on its other strand): "
        "removed, as are repetitions. Left: 9 that are a part of a longer training sequence, 120 that "
        "share half of their 31-mers with it. Description and Symbol are not read",
        sizes=(512, 1024, 256),
        baseline=Baseline(
            "6-mers + logistic regression",
            0.7365,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'k-mers', length 1024, C = 0.1 by validation",
        ),
        obtain="Put test.csv and validation.csv (or .csv.gz) of Kaggle's 'DNA Sequence Prediction' into dna/gene_type "
        "under VIO_BENCH_DATA (7 MB)",
    )

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """Read the two files; as `suites.tasks.task.Task` says."""
        train, test = (
            read_csv(
                data_file(root, f"dna/gene_type/{name}.csv", self.info),
                sequence="NucleotideSequence",
                label="GeneType",
                strip="<>",
            )
            for name in ("test", "validation")
        )
        splits = separate(train, None, test)
        return task_data(self.info, splits, size, test_sizes, crop="start", reverse_complement=True)


TASK = GeneType()
