"""Regulatory elements of the human genome: tasks of GUE, the benchmark of DNABERT-2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.tasks.dna import task_data
from suites.tasks.dna_files import Reading, data_file, read_csv
from suites.tasks.dna_splits import separate
from suites.tasks.task import Baseline, TaskData, TaskInfo


@dataclass
class Gue:
    """One folder of GUE: files train, dev and test with the columns sequence and label.

    All sequences of a task are equally long and centred on a site, so a shorter length keeps their middle.
    """

    info: TaskInfo
    folder: str
    reverse_complement: bool
    """Whether the other strand has the same label. A transcription factor binds the double helix, so its site is one on
    either strand; promoters and splice sites are written in the direction of transcription, and their motifs (TATA
    before the start, GT after a donor) are found neither there nor in that order on the other strand."""
    has_train: bool = True

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """Read the files; as `suites.tasks.task.Task` says."""
        dev, test = self._read(root, "dev"), self._read(root, "test")
        splits = separate(self._read(root, "train"), dev, test) if self.has_train else separate(dev, None, test)
        return task_data(self.info, splits, size, test_sizes, crop="centre", reverse_complement=self.reverse_complement)

    def _read(self, root: Path | None, name: str) -> Reading:
        return read_csv(data_file(root, f"{self.folder}/{name}.csv", self.info), sequence="sequence", label="label")


def _info(
    name: str, folder: str, about: str, leaks: str, sizes: tuple[int, ...], baseline: Baseline, split: str = ""
) -> TaskInfo:
    files = "train, dev and test" if not split else "dev and test"
    return TaskInfo(
        name=name,
        kind="sequence",
        about=about,
        source="GUE, published with DNABERT-2 (arXiv 2306.15006)",
        licence="Apache-2.0",
        split=split or "the published files: train, dev to validate on, test without what stands in the other two",
        leaks=leaks,
        sizes=sizes,
        baseline=baseline,
        obtain=f"Put {files} (.csv or .csv.gz) of GUE's task into {folder} under VIO_BENCH_DATA (GUE is published with "
        "DNABERT-2; up to 4 MB a task)",
    )


PROM_300_TATA = Gue(
    _info(
        "gue_prom_300_tata",
        "dna/gue/prom_300_tata",
        "DNA: promoter with a TATA box (1) or not (0), 300 bases around the start of transcription",
        "6 of 613 test sequences and 14 of 613 dev sequences stand in earlier files: removed",
        (300, 150),
        Baseline(
            "positions + logistic regression",
            0.8545,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'positions', length 300, C = 0.1 by validation",
        ),
    ),
    "dna/gue/prom_300_tata",
    reverse_complement=False,
)

PROM_CORE_ALL = Gue(
    _info(
        "gue_prom_core_all",
        "dna/gue/prom_core_all",
        "DNA: core promoter (1) or not (0), 70 bases around the start of transcription",
        "51 of 5,920 test sequences and 54 of 5,920 dev sequences stand in earlier files: removed",
        (70,),
        Baseline(
            "6-mers + logistic regression",
            0.7797,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'k-mers', length 70, C = 0.01 by validation",
        ),
    ),
    "dna/gue/prom_core_all",
    reverse_complement=False,
)

TF_0 = Gue(
    _info(
        "gue_tf_0",
        "dna/gue/tf_0",
        "DNA: bound by a transcription factor (1) or not (0), 101 bases around the peak",
        "1 of 1,000 dev sequences stands in the training file: removed",
        (101,),
        Baseline(
            "6-mers + logistic regression",
            0.8190,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'k-mers', length 101, C = 0.1 by validation",
        ),
    ),
    "dna/gue/tf_0",
    reverse_complement=True,
)

SPLICE = Gue(
    _info(
        "gue_splice",
        "dna/gue/splice_reconstructed",
        "DNA: splice donor, acceptor or neither, 400 bases around the site",
        "32 of 4,562 test sequences stand in the file that is trained on: removed. Left: 696 that share "
        "half of their 31-mers with it",
        (400, 200),
        Baseline(
            "positions + logistic regression",
            0.6975,
            "suites.tasks.kmer_baseline.fit_baseline on this split: 'positions', length 400, C = 0.01 by validation",
        ),
        split="the training file is not at hand, so figures are not those of GUE: train and validation are nine and "
        "one tenth of dev; test without what stands in dev",
    ),
    "dna/gue/splice_reconstructed",
    reverse_complement=False,
    has_train=False,
)
