from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.cell_record import RunContext, make_record
from bench.job import Job, Outcome, Pass, Reading, Told
from bench.schedule import Schedule
from suites.cell import Cell, identity
from suites.plan import PlannedCell
from suites.protocol import Protocol
from suites.record import Record, Status
from suites.workload import ImageWorkload

METRICS = {"exact": ("params", "peak_memory"), "time": ("latency",)}


def _planned(model: str) -> PlannedCell:
    workload = ImageWorkload(height=32, width=32)
    cell = Cell(model=model, config={}, workload=workload, device="cpu", threads=1)
    return PlannedCell(identity=identity(cell), family="test", size_class=None, cell=cell)


class FakeExecutor:
    """Answers at once with made-up times."""

    def __init__(self, answer: Callable[[Job, int], Outcome]) -> None:
        self.jobs: list[Job] = []
        self._answer = answer
        self._timed: Counter[str] = Counter()

    def execute(self, job: Job, on_told: Callable[[Told], None] = lambda _: None) -> Outcome:
        self.jobs.append(job)
        if "latency" not in job.metrics:
            return Outcome(Status.OK, readings=(Reading(job.metrics[0], "1", (1.0,), "made up", True),))
        self._timed[job.cell.model] += 1
        return self._answer(job, self._timed[job.cell.model])

    def order(self, metric: str) -> str:
        return "".join(job.cell.model for job in self.jobs if metric in job.metrics)


def _timing(*times: float, spent: float = 1.0) -> Outcome:
    return Outcome(Status.OK, readings=(Reading("latency", "s", times, "made up", False),), measured_s=spent)


def _records(executor: FakeExecutor, models: str, protocol: Protocol | None = None) -> dict[str, Record]:
    schedule = Schedule(METRICS, protocol or Protocol(), executor)  # type: ignore[arg-type]
    context = RunContext("suite", "run", "machine", "block", interleaved=True, attempt=1)
    works = schedule.run_block([_planned(model) for model in models])
    return {work.planned.cell.model: make_record(work, schedule, context) for work in works}


def test_timed_processes_alternate_forwards_and_backwards() -> None:
    executor = FakeExecutor(lambda job, n: _timing(*[1.0] * 6))
    records = _records(executor, "ABC")
    assert executor.order("latency") == "ABCCBA" * 3
    assert executor.order("params") == "ABC"
    assert {r.status for r in records.values()} == {Status.OK}
    assert len(records["A"].estimates["latency"].samples) == 6


def test_exact_figures_and_timing_never_share_a_process() -> None:
    executor = FakeExecutor(lambda job, n: _timing(*[1.0] * 6))
    _records(executor, "A")
    assert [job.metrics for job in executor.jobs] == [("params", "peak_memory"), *[("latency",)] * 6]
    assert [job.check_output for job in executor.jobs] == [True, *[False] * 6]


def test_every_model_stands_as_early_as_late_on_average() -> None:
    executor = FakeExecutor(lambda job, n: _timing(*[1.0] * 6))
    _records(executor, "ABC")
    places = {model: [i for i, m in enumerate(executor.order("latency")) if m == model] for model in "ABC"}
    assert len({sum(found) for found in places.values()}) == 1  # so linear drift cancels


def test_processes_that_disagree_get_a_warning() -> None:
    executor = FakeExecutor(lambda job, n: _timing(*[1.0 + 0.1 * (n % 2)] * 6))
    record = _records(executor, "A")["A"]
    assert [w.kind for w in record.warnings] == ["wide_interval"]


def test_every_cell_gets_samples_enough_for_an_interval() -> None:
    for processes in (1, 2, 3, 5, 8):
        executor = FakeExecutor(lambda job, n: _timing(*[1.0] * job.min_samples))
        record = _records(executor, "A", Protocol(processes=processes))["A"]
        assert record.estimates["latency"].n >= 6
        assert (record.estimates["latency"].confidence >= 0.95) == (processes in (1, 8))


def test_a_failure_ends_its_cell_and_no_other() -> None:
    def answer(job: Job, n: int) -> Outcome:
        if job.cell.model == "B" and n == 2:
            return Outcome(Status.TIMEOUT, "too slow", log="tail")
        return _timing(*[1.0] * 6)

    executor = FakeExecutor(answer)
    records = _records(executor, "ABC")
    assert executor.order("latency") == "ABCCBA" + "ACCA" * 2
    assert (records["B"].status, records["B"].reason, records["B"].log) == (Status.TIMEOUT, "too slow", "tail")
    assert records["B"].estimates["latency"].n == 6  # what was measured before is kept
    assert records["A"].status is records["C"].status is Status.OK


def test_a_timing_that_says_nothing_is_unstable() -> None:
    executor = FakeExecutor(lambda job, n: _timing(1.0, 9.0, 1.0, 9.0, 1.0, 9.0))
    record = _records(executor, "A")["A"]
    assert record.status is Status.UNSTABLE
    assert record.reason is not None and "latency" in record.reason


def test_training_comes_last_and_each_cell_is_recorded_before_the_next_one_trains() -> None:
    executor = FakeExecutor(lambda job, n: _timing(*[1.0] * 6))
    metrics: dict[Pass, tuple[str, ...]] = {"exact": ("params",), "time": ("latency",), "train": ("accuracy",)}
    schedule = Schedule(metrics, Protocol(processes=2), executor, folder=Path("kept"))
    seen = []
    for work in schedule.run_block([_planned("A"), _planned("B")]):
        seen.append((work.planned.cell.model, executor.order("accuracy")))
    assert seen == [("A", "A"), ("B", "AB")]
    assert executor.order("latency") == "ABBA"
    training = [job for job in executor.jobs if job.run_in == "train"]
    assert [Path(job.folder) for job in training] == [Path("kept") / identity(job.cell) for job in training]


def test_a_share_of_trials_stays_one() -> None:
    class Scores(FakeExecutor):
        def execute(self, job: Job, on_told: Callable[[Told], None] = lambda _: None) -> Outcome:
            return Outcome(Status.OK, readings=(Reading("accuracy", "1", (9.0, 10.0), "made up", False, share=True),))

    schedule = Schedule({"train": ("accuracy",)}, Protocol(), Scores(lambda job, n: _timing(1.0)))
    (work,) = schedule.run_block([_planned("A")])
    accuracy = work.estimates()["accuracy"]
    assert (accuracy.value, accuracy.n, accuracy.share) == (0.9, 10, True)
