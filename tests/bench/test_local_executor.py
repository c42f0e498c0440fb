from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from baselines import catalogue
from bench.executors.local import LocalExecutor
from bench.job import Job, Outcome, Pass
from suites.cell import Cell
from suites.protocol import Protocol
from suites.record import Status
from suites.workload import ImageWorkload
from tests.bench.conftest import QUICK

HOSTILE = "tests.bench.models.hostile"


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    local = LocalExecutor()
    assert local.execute(_job("Sleep")).status is Status.OK  # the forkserver is warm from here on
    yield local


def _job(model: str, metrics: tuple[str, ...] = ("latency",), **limits: object) -> Job:
    workload = ImageWorkload(height=32, width=32, source="noise")
    name = model if ":" in model or model[0].islower() else f"{HOSTILE}:{model}"
    cell = Cell(
        model=name,
        config=catalogue.config(catalogue.find(name), (1, 3, 32, 32)),
        workload=workload,
        device="cpu",
        threads=1,
    )
    run_in: Pass = "time" if "latency" in metrics else "exact"
    return Job(cell, run_in, metrics, Protocol.model_validate({**QUICK, **limits}), 0.05, 6, check_output=True)


def _readings(outcome: Outcome) -> dict[str, tuple[float, ...]]:
    assert outcome.status is Status.OK, outcome
    return {reading.name: reading.samples for reading in outcome.readings}


def test_known_figures_come_back_from_a_cell(executor: LocalExecutor) -> None:
    memory = _readings(executor.execute(_job("Allocate", ("peak_memory",))))
    assert memory["peak_tensor_bytes"] == (2 * 32 * 2**20,)
    assert sorted(memory["peak_rss"])[0] == pytest.approx(2 * 32 * 2**20, rel=0.05)
    counts = _readings(executor.execute(_job("Sleep", ("params", "macs"))))
    assert (counts["params"], counts["macs"], counts["flops"]) == ((15,), (15,), (30,))


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        ("AllocateWithoutEnd", Status.OOM, "allocate memory"),
        ("NeverReturn", Status.TIMEOUT, "no answer within 3 s"),
        ("Segfault", Status.CRASHED, "SIGSEGV"),
        ("Raise", Status.ERROR, "RuntimeError: this layer does not like you"),
        ("ReturnNan", Status.ERROR, "5 of 5 values that are NaN or infinite"),
        ("ChangeInput", Status.ERROR, "changes its input"),
        ("SetThreads", Status.ERROR, "set 3 threads where the cell has 1"),
        ("Exit", Status.ERROR, "SystemExit: 0"),
        ("ReturnScalar", Status.ERROR, r"shape \(\) for a batch of 1"),
    ],
)
def test_whatever_happens_in_a_cell_is_its_status(
    executor: LocalExecutor, model: str, status: Status, reason: str
) -> None:
    outcome = executor.execute(_job(model, timeout_s=3 if model == "NeverReturn" else 60, memory_limit_gib=2))
    assert outcome.status is status
    assert outcome.reason is not None
    assert re.search(reason, outcome.reason)


def test_a_crash_leaves_what_was_printed_and_where_it_happened(executor: LocalExecutor) -> None:
    log = executor.execute(_job("Segfault")).log
    assert "about to fall" in log
    assert "hostile.py" in log


def test_a_killed_cell_is_crashed_not_lost(executor: LocalExecutor) -> None:
    killer = threading.Timer(1.5, _kill_cells)
    killer.start()
    outcome = executor.execute(_job("NeverReturn", timeout_s=30))
    killer.join()
    assert (outcome.status, outcome.reason) == (Status.CRASHED, "its process was ended by SIGKILL")


def test_a_killed_forkserver_is_replaced(executor: LocalExecutor) -> None:
    for child in psutil.Process().children():
        if "forkserver" in " ".join(child.cmdline()):
            child.kill()
    time.sleep(0.5)
    first, second = (executor.execute(_job("Sleep")) for _ in range(2))
    assert first.status in (Status.OK, Status.CRASHED)  # it may have been asked for a process as it died
    assert second.status is Status.OK


def _kill_cells() -> None:
    """End every cell of this process: the forkserver's children."""
    for forkserver in psutil.Process().children():
        for cell in forkserver.children():
            os.kill(cell.pid, signal.SIGKILL)


def test_what_a_cell_leaves_behind_neither_holds_the_run_up_nor_outlives_it(executor: LocalExecutor) -> None:
    started = time.monotonic()
    outcome = executor.execute(_job("LeaveChildBehind", timeout_s=60))
    assert outcome.status is Status.CRASHED
    assert time.monotonic() - started < 50
    left = re.search(r"child=(\d+)", outcome.log)
    assert left is not None
    deadline = time.monotonic() + 10
    while _runs(int(left.group(1))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(int(left.group(1)))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_device_that_is_not_here_is_unavailable(executor: LocalExecutor) -> None:
    job = _job("Sleep")
    elsewhere = Job(job.cell.model_copy(update={"device": "mps"}), "time", job.metrics, job.protocol, 0.1, 6, False)
    outcome = executor.execute(elsewhere)
    assert outcome.status is Status.UNAVAILABLE
    assert outcome.reason is not None and "--device cpu" in outcome.reason


def test_the_parent_uses_no_cpu_while_a_cell_runs(executor: LocalExecutor) -> None:
    before, started = time.process_time(), time.perf_counter()
    executor.execute(_job("NeverReturn", timeout_s=5))
    used, waited = time.process_time() - before, time.perf_counter() - started
    assert used < 0.02 * waited


def test_a_cell_has_its_own_threads_setting(executor: LocalExecutor) -> None:
    job = _job("ReportThreads")
    for threads in (1, 2):
        cell = job.cell.model_copy(update={"threads": threads})
        outcome = executor.execute(Job(cell, "exact", ("params",), job.protocol, 0.05, 6, check_output=True))
        assert outcome.reason == f"ValueError: threads={threads}"
