"""A run may be killed at any moment: nothing that was finished is lost, doubled or run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.bench.conftest import Command, Start

MEASURED = ("ok", "unstable")  # on a busy machine six short samples may well say nothing
DONE = (0, 5)
MODEL_NAMES = ["quick:sleep", "quick:scan"]
CELLS = 6


def _lines(folder: Path | None) -> list[str]:
    path = folder / "records.jsonl" if folder else None
    return path.read_text().splitlines() if path and path.exists() else []


def _folder(tmp_path: Path) -> Path | None:
    found = list((tmp_path / "results").glob("*/plan.json"))
    return found[0].parent if found else None


def _wait_for_record(process: subprocess.Popen[str], tmp_path: Path, count: int) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        folder = _folder(tmp_path)
        if folder and len(_lines(folder)) >= count:
            return folder
        time.sleep(0.02)
    raise AssertionError(f"no {count} records: exit code {process.poll()}")


@pytest.fixture
def suite(suite_file: Callable[..., Path]) -> Path:
    """Three sizes of two quick models: blocks small enough for a kill to fall between records."""
    return suite_file(
        MODEL_NAMES,
        workload={"image_size": [32, 48, 64], "source": "noise"},
        metrics=["params", "latency"],
    )


def _check_complete(folder: Path, finished: list[str]) -> None:
    records = [json.loads(line) for line in _lines(folder)]
    planned = {cell["identity"] for cell in json.loads((folder / "plan.json").read_text())["cells"]}
    ok = Counter(record["identity"] for record in records if record["status"] in MEASURED)
    assert set(ok) == planned
    assert set(ok.values()) == {1}  # never doubled, never run again
    assert _lines(folder)[: len(finished)] == finished  # never lost, never altered


def test_a_killed_parent_loses_nothing_and_leaves_nobody_behind(
    start: Start, command: Command, suite: Path, tmp_path: Path
) -> None:
    moments = random.Random(0)
    arguments: tuple[object, ...] = ("--suite", suite)
    finished: list[str] = []
    for kill in range(2):
        process = start(tmp_path, "run", *arguments)
        folder = _wait_for_record(process, tmp_path, min(len(finished) + 1, CELLS - 1))
        time.sleep(moments.uniform(0, 0.5))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"outlived the parent after kill {kill}: {alive}"
        whole = (folder / "records.jsonl").read_text().rpartition("\n")[0].splitlines()
        assert whole[: len(finished)] == finished
        finished = whole
        arguments = ("--resume", folder)
    done = command("run", "--resume", folder)
    assert done.returncode in DONE, done.stderr
    _check_complete(folder, finished)


def _kill_two_cells(tmp_path: Path, ended: threading.Event) -> None:
    """Once there is a record, kill two cells of this process: the forkserver's children."""
    killed: set[int] = set()
    while len(killed) < 2 and not ended.wait(0.05):
        if not _lines(_folder(tmp_path)):
            continue
        for forkserver in psutil.Process().children():
            for cell in forkserver.children():
                if cell.pid not in killed:
                    os.kill(cell.pid, signal.SIGKILL)
                    killed.add(cell.pid)


def test_a_killed_worker_is_a_crash_that_resume_makes_good(command: Command, suite: Path, tmp_path: Path) -> None:
    ended = threading.Event()
    killer = threading.Thread(target=_kill_two_cells, args=(tmp_path, ended))
    killer.start()
    done = command("run", "--suite", suite)
    ended.set()
    killer.join()
    assert done.returncode == 4, done.stderr
    folder = _folder(tmp_path)
    assert folder is not None
    before = _lines(folder)
    statuses = Counter(json.loads(line)["status"] for line in before)
    assert statuses["crashed"] >= 1
    assert len(before) == CELLS  # every cell has its record, the killed ones too
    done = command("run", "--resume", folder)
    assert done.returncode in DONE, done.stderr
    assert len(_lines(folder)) == CELLS + statuses["crashed"]
    _check_complete(folder, before)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(
    start: Start, command: Command, suite: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def stop(number: signal.Signals) -> tuple[Path, int, str]:
        process = start(tmp_path / number.name, "run", "--suite", suite)
        folder = _wait_for_record(process, tmp_path / number.name, 1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        return folder, process.returncode, errors

    with ThreadPoolExecutor() as both:  # at once, since starting takes longest
        stopped = list(both.map(stop, (signal.SIGINT, signal.SIGTERM)))
    for folder, code, errors in stopped:
        assert code == 130, errors
        assert f"go on with: vio-bench run --resume results/{folder.name}" in errors
        assert "Traceback" not in errors
        environment = json.loads((folder / "environment.json").read_text())
        assert environment["sessions"][0]["ended"] is not None
        finished = _lines(folder)
        assert command("run", "--resume", folder).returncode in DONE
        _check_complete(folder, finished)
