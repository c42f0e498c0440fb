"""Made-up results with a known truth, shaped as `vio-bench run` shapes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

import reports
from suites.cell import Cell, identity
from suites.estimate import Estimate, exact, sampled, share
from suites.fingerprint import Environment, Machine, Session
from suites.plan import Plan, PlannedCell
from suites.predictions import Predictions, dump_predictions, predictions_file
from suites.recipe import Recipe
from suites.record import MeasurementWarning, Record
from suites.results import TRAINING, Results
from suites.suite import Suite
from suites.task_axes import TaskCard
from suites.task_workload import TaskWorkload
from suites.workload import ImageWorkload, SequenceWorkload

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
MACHINE = Machine(
    cpu="Example CPU @ 2.0 GHz", architecture="x86_64", cores=2, logical_cpus=4, affinity=[0, 1],
    frequency_max_mhz=None, governor=None, ram_bytes=8 * 2**30, cgroup_memory_bytes=4 * 2**30, cgroup_cpus=2.0, gpus=[],
    os="Linux 6.1", libc="glibc 2.36", python="3.11.7", packages={"torch": "2.11.0", "timm": "1.0.24"}, commit=None,
)  # fmt: skip


def make_cell(model: str = "vit_tiny_patch16_224", size: int | tuple[int, int] = 224, **changes: Any) -> Cell:
    height, width = size if isinstance(size, tuple) else (size, size)
    shape = {name: changes.pop(name) for name in ("batch", "layout", "fuse", "source") if name in changes}
    defaults: dict[str, Any] = {"config": {}, "device": "cpu", "threads": 2}
    return Cell(model=model, workload=ImageWorkload(height=height, width=width, **shape), **{**defaults, **changes})


def make_sequence_cell(model: str, length: int, mode: str = "forward") -> Cell:
    workload = SequenceWorkload(length=length, channels=192, mode=mode)
    return Cell(model=model, workload=workload, config={}, device="cpu", threads=2)


RECIPE = Recipe(epochs=3, lr_grid=(1e-3, 3e-3))


def make_task_cell(model: str, seed: int = 0, *, task: str = "digits", **changes: Any) -> Cell:
    facts: dict[str, Any] = {
        "task": task, "reads": "image", "input_size": 32, "channels": 1, "vocabulary": None, "classes": 10,
        "pooling": "avg", "test_sizes": [], "data": "0123456789abcdef", "recipe": RECIPE,
    }  # fmt: skip
    return Cell(model=model, workload=TaskWorkload(**(facts | changes)), config={}, device="cpu", threads=2, seed=seed)


def make_card(task: str = "digits", size: int = 32, **changes: Any) -> TaskCard:
    facts: dict[str, Any] = {
        "task": task, "input_size": size, "about": "which digit is written", "licence": "CC BY 4.0",
        "split": "by class, 20 % test", "leaks": "12 twins across the split", "train": 1000, "validation": 100,
        "test": 400, "classes": list("0123456789"), "notes": ["2 corrupt images left out: a.png, b.png"],
        "baseline": "logistic regression", "baseline_accuracy": 0.9, "baseline_source": "measured on this split",
    }  # fmt: skip
    return TaskCard(**(facts | changes))


def make_predictions(right: Any, places: int = 1) -> Predictions:
    """Answers to examples of `places` places each, right where `right` says; every label is 1."""
    correct = numpy.asarray(right, dtype=bool)
    example = numpy.repeat(numpy.arange(len(correct) // places), places).astype(numpy.int64)
    labels = numpy.ones(len(correct), dtype=numpy.int64)
    confidence = numpy.full(len(correct), 0.8, dtype=numpy.float32)
    in_top5, nll = numpy.ones(len(correct), dtype=bool), numpy.where(correct, 0.2, 2.0).astype(numpy.float32)
    return Predictions(example, labels, numpy.where(correct, 1, 0), confidence, in_top5, nll)


def noisy(
    value: float, seed: int, *, processes: int = 3, samples: int = 12, noise: float = 0.01, unit: str = "s"
) -> Estimate:
    drawn = numpy.random.default_rng(seed).normal(1, noise, (processes, samples)).clip(0.1)
    return sampled((value * drawn).tolist(), unit, "median of single calls")


def count(value: float, unit: str = "1") -> Estimate:
    return exact(value, unit, "counted")


def warning(kind: str = "macs_gap", metric: str = "macs", message: str = "MACs cover 61% of the arithmetic") -> Any:
    return MeasurementWarning(kind=kind, metric=metric, message=message, evidence={}, advice="don't rank by it")


class Run:
    """Collects planned cells and their records; ``results()`` is what a reader of the folder would get."""

    def __init__(self, name: str = "scaling", question: str = "How does it grow?", workload: Any = None) -> None:
        axes = workload or {"image_size": [224]}
        self.suite = Suite(name=name, question=question, models=["any"], workload=axes, metrics=["latency"])
        self.cells: list[PlannedCell] = []
        self.records: list[Record] = []
        self.tasks: list[TaskCard] = []
        self.answered: dict[Path, Predictions] = {}

    def plan(self, cell: Cell, family: str = "vit", size_class: str | None = "tiny") -> PlannedCell:
        self.cells.append(PlannedCell(identity=identity(cell), family=family, size_class=size_class, cell=cell))
        return self.cells[-1]

    def add(
        self,
        cell: Cell,
        estimates: dict[str, Estimate] | None = None,
        *,
        family: str = "vit",
        size_class: str | None = "tiny",
        status: str = "ok",
        reason: str | None = None,
        warnings: Sequence[MeasurementWarning] = (),
        session: int = 1,
    ) -> Record:
        planned = self.plan(cell, family, size_class)
        record = Record(
            identity=planned.identity, cell=cell, family=family, size_class=size_class, suite=self.suite.name,
            run="made-up", status=status, reason=reason, estimates=estimates or {}, warnings=list(warnings),
            fingerprint=MACHINE.id, block=f"{cell.block}#{session}", started=NOON, ended=NOON, wall_s=1, measured_s=1,
        )  # fmt: skip
        self.records.append(record)
        return record

    def learnt(
        self,
        cell: Cell,
        right: Any,
        *,
        places: int = 1,
        at: dict[int, float] | None = None,
        latency: float = 0.01,
        **told: Any,
    ) -> Record:
        """A cell that was trained, and what it answered: `right` a sample; `at` accuracies of other lengths."""
        answered = make_predictions(right, places)
        trials = len(answered.whole)
        estimates = {
            "params": count(5e6), "macs": count(1e8), "latency": noisy(latency, len(self.cells)),
            "accuracy": share(answered.accuracy * trials, trials, "1", "share of test samples"),
            "macro_f1": exact(answered.accuracy - 0.01, "1", "mean of the classes' F1 scores"),
            "calibration_error": exact(0.034, "1", "expected"), "learning_rate": exact(1e-3, "1", "best of the grid"),
            "train_time": sampled([[61.0]], "s", "steps and loading"),
        }  # fmt: skip
        for length, accuracy in (at or {}).items():
            estimates[f"accuracy_at_{length}"] = share(accuracy * trials, trials, "1", "share of test samples")
        if places > 1:
            estimates["accuracy_whole"] = share(int(answered.whole.sum()), trials, "1", "right at every place")
        record = self.add(cell, estimates, **told)
        self.answered[predictions_file(Path(TRAINING) / record.identity, cell.workload.input_size)] = answered
        return record

    def results(self, folder: Path = Path("made-up")) -> Results:
        session = Session(
            machine=MACHINE.id, started=NOON, ended=None, load_start=0.4, load_end=None, frequency_start_mhz=None,
            frequency_end_mhz=None,
        )  # fmt: skip
        plan = Plan(run="made-up", created=NOON, suite=self.suite, cells=self.cells, tasks=self.tasks)
        environment = Environment(machines={MACHINE.id: MACHINE}, sessions=[session])
        return Results(folder, plan, self.records, environment, torn_bytes=0)

    def save(self, folder: Path) -> Path:
        """Write the folder as a run leaves it."""
        results = self.results(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.json").write_text(results.plan.model_dump_json())
        (folder / "environment.json").write_text(results.environment.model_dump_json())
        (folder / "records.jsonl").write_text("".join(record.model_dump_json() + "\n" for record in self.records))
        for path, answered in self.answered.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(dump_predictions(answered))
        return folder


TASK_AXES: dict[str, Any] = {"kind": "task", "task": ["digits"], "recipe": RECIPE}


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """The builders of this file."""
    return SimpleNamespace(
        task_axes=TASK_AXES,
        answers_with=answers_with,
        task=make_task_cell,
        card=make_card,
        predictions=make_predictions,
        run=Run,
        cell=make_cell,
        sequence=make_sequence_cell,
        noisy=noisy,
        count=count,
        warning=warning,
    )


def answers_with(share_right: float, examples: int = 400, seed: int = 0) -> list[bool]:
    """Exactly that share of examples right. Examples are of increasing difficulty, with some chance for each seed."""
    difficulty = numpy.linspace(0, 1, examples) + 0.3 * numpy.random.default_rng(seed).normal(size=examples)
    right = numpy.zeros(examples, dtype=bool)
    right[numpy.argsort(difficulty, kind="stable")[: round(share_right * examples)]] = True
    return right.tolist()


@pytest.fixture(scope="session")
def task_run() -> Run:
    """Digits, three seeds: two models near each other, one clearly worse and below the baseline, one that timed out and
    one of whose seeds one is still missing. Shared by all tests: leave it as it is."""
    run = Run("accuracy", "Who is most accurate?", TASK_AXES)
    run.tasks = [make_card()]
    for seed in range(3):
        for index, (model, accuracy, latency) in enumerate(
            [("vio_tiny", 0.96, 0.004), ("vit_tiny_patch16_224", 0.95, 0.006), ("resnet10t", 0.80, 0.003)]
        ):
            right = answers_with(accuracy + 0.0025 * seed, seed=10 * seed + index)
            run.learnt(make_task_cell(model, seed), right, latency=latency, family=model[:3])
        run.add(
            make_task_cell("convnext_femto", seed), family="convnext", status="timeout", reason="no answer within 60 s"
        )
        if seed < 2:
            run.learnt(
                make_task_cell("mambaout_femto", seed), answers_with(0.93, seed=10 * seed + 7), family="mambaout"
            )
        else:
            run.plan(make_task_cell("mambaout_femto", seed), "mambaout")
    return run


@pytest.fixture(scope="session")
def task_report(task_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that run with its report in it, for tests that only read."""
    folder = task_run.save(tmp_path_factory.mktemp("tasks") / "run")
    reports.write_report(folder)
    return folder


SIZES = (128, 224, 320, 448, 640, 1024)
MODELS: dict[str, tuple[str, float, Callable[[float], float], Callable[[float], float]]] = {
    # name: family, params, MACs and seconds against L / 196
    "vio_tiny": ("vio", 5.1e6, lambda r: 0.71e9 * r, lambda r: 1.5e-3 + 9.5e-3 * r),
    "vit_tiny_patch16_224": (
        "vit", 5.7e6, lambda r: 1.08e9 * r + 0.18e9 * r * r, lambda r: 2e-3 + 22e-3 * r + 4.1e-3 * r * r,
    ),
    "resnet10t": ("resnet", 5.4e6, lambda r: 1.1e9 * r, lambda r: 1e-3 + 14e-3 * r),
    "convnext_femto": ("convnext", 5.2e6, lambda r: 0.79e9 * r, lambda r: 2e-3 + 19e-3 * r),
    "mambaout_femto": ("mambaout", 7.3e6, lambda r: 1.16e9 * r, lambda r: 2e-3 + 30e-3 * r),
    "efficientvim_m1": ("efficientvim", 6.7e6, lambda r: 0.24e9 * r, lambda r: 6e-3 + 10e-3 * r**0.9),
}  # fmt: skip


@pytest.fixture(scope="session")
def scaling_run() -> Run:
    """Six models at six sizes as the scaling suite would leave them, with two failures and one cell still missing.

    Shared by all tests: leave it as it is.
    """
    run = Run(question="How do latency, memory and MACs grow with sequence length, in the tiny class of every family?")
    seed = 0
    for size in SIZES:
        for model, (family, params, macs, seconds) in MODELS.items():
            cell, ratio, seed = make_cell(model, size), (size // 16) ** 2 / 196, seed + 1
            if (model, size) == ("mambaout_femto", 1024):
                run.plan(cell, family)
                continue
            counts = {
                "params": count(params), "buffers": count(120), "macs": count(round(macs(ratio))),
                "macs_coverage": count(0.61 if family == "vio" else 0.98),
                "peak_tensor_bytes": count(round(2**20 * (0.6 + 6 * ratio)), "B"),
            }  # fmt: skip
            gap = [warning()] if family == "vio" else []
            if (model, size) == ("vit_tiny_patch16_224", 1024):
                reason = "no answer within 300 s (protocol.timeout_s); ended"
                run.add(cell, counts, family=family, status="timeout", reason=reason)
                continue
            rss = 2**20 * (3 + 7 * ratio)
            timed = {
                "peak_rss": noisy(rss, seed, processes=1, samples=7, noise=0.005, unit="B"),
                "latency": noisy(seconds(ratio), seed),
                "first_call": noisy(3 * seconds(ratio), seed, samples=1),
            }
            run.add(cell, {**counts, **timed}, family=family, warnings=gap)
    return run


@pytest.fixture(scope="session")
def scaling_report(scaling_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that run with its report in it, for tests that only read."""
    folder = scaling_run.save(tmp_path_factory.mktemp("scaling") / "run")
    assert reports.write_report(folder) == folder / "report.md"
    return folder
