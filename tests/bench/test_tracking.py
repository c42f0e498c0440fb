"""Trainings shown in TensorBoard and W&B: what they show is the history, and they never get in its way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

from bench import tracking
from bench.cell_process import work
from bench.job import Job, Track
from bench.trackers.tensorboard import TensorBoardTracker
from bench.trackers.wandb import WandbTracker
from bench.tracking import Tracking
from bench.training import history
from bench.training.job import Progress
from suites.cell import identity
from suites.history import Epoch, read_history
from suites.record import Status
from suites.results import TRAINING, read_results
from tests.bench.conftest import QUICK, Command
from tests.bench.tracked import Points, a_training, expected, in_tensorboard, in_wandb, killed_in_wandb, some_epochs
from tests.bench.trained import THIN, cell_of, train_job
from tests.bench.training import killed


class Stopped(BaseException):
    """Thrown out of a training, as a kill ends it."""


def _float32(points: Points) -> Points:
    """What TensorBoard keeps of them."""
    return {name: [(step, float(np.float32(value))) for step, value in curve] for name, curve in points.items()}


def _without_result(points: Points) -> Points:
    return {name: curve for name, curve in points.items() if not name.startswith("result/")}


def _job(run: Path, tracker: str) -> Job:
    cell = cell_of("vio_nano", "digits", 32, **THIN)
    job = train_job(cell, run / TRAINING / identity(cell), "accuracy")
    return replace(job, track=Track(tracker, "run-1", str(run)))


def _at(step: int, epoch: Epoch | None = None) -> Progress:
    return Progress("train", 0.1, 1, step, step, 100, 1.0, 1.0, epoch)


def test_a_run_shows_its_training_in_tensorboard(command: Command, tmp_path: Path) -> None:
    suite = {
        "name": "learn",
        "question": "does it learn?",
        "models": ["vio_nano"],
        "arguments": {"vio_nano": THIN},
        "workload": {"kind": "task", "task": ["digits"], "input_size": [32], "recipe": {"steps": 9, "batch": 256}},
        "threads": 1,
        "metrics": ["accuracy"],
        "protocol": QUICK,
    }
    (tmp_path / "learn.yaml").write_text(yaml.safe_dump(suite))
    done = command("run", "--suite", "learn.yaml", "--track", "tensorboard")
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "results").iterdir()
    (record,) = read_results(run).records
    assert not record.warnings
    (shown,) = (run / "tensorboard").iterdir()
    assert shown.name == f"vio_nano-digits-32-px-{record.identity[:8]}"
    epochs = read_history(run / TRAINING / record.identity)
    assert len(epochs) > 1
    points = in_tensorboard(shown)
    assert _without_result(points) == _float32(expected(epochs))
    accuracy = record.estimates["accuracy"].value
    assert points["result/accuracy"] == [(epochs[-1].step, pytest.approx(accuracy, rel=1e-6))]
    for file in ("plan.json", "records.jsonl"):  # it decides nothing, so nothing that identifies a result has it
        assert "tensorboard" not in (run / file).read_text()


@pytest.mark.parametrize("checkpoint_every_s", [0.0, 1e9], ids=["goes_on", "starts_again"])
def test_a_resumed_training_shows_each_epoch_once(tmp_path: Path, checkpoint_every_s: float) -> None:
    job = _job(tmp_path, "tensorboard")
    first, second = Tracking(job), Tracking(job)

    def stopped_on_the_way(progress: Progress) -> None:
        first.follow(progress)
        if progress.phase == "train" and progress.step == 31:  # the next one ends an epoch
            raise Stopped

    with pytest.raises(Stopped):
        killed.run(Path(job.folder), stopped_on_the_way, checkpoint_every_s)
    (shown,) = (tmp_path / "tensorboard").iterdir()
    assert [step for step, _ in in_tensorboard(shown)["loss"]] == [8, 16, 24]
    killed.run(Path(job.folder), second.follow, 1e9)
    second.end({})
    epochs = read_history(Path(job.folder))
    assert epochs[-1].step > 90
    assert in_tensorboard(shown) == _float32(expected(epochs))


def test_a_training_that_had_ended_before_it_was_tracked_is_shown_whole(tmp_path: Path) -> None:
    job = _job(tmp_path, "tensorboard")
    for epoch in some_epochs(3):
        history.append(Path(job.folder), epoch)
    Tracking(job).end({"accuracy": 0.5})
    (shown,) = (tmp_path / "tensorboard").iterdir()
    assert in_tensorboard(shown) == _float32({**expected(some_epochs(3)), "result/accuracy": [(30, 0.5)]})


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where anything that leaves by HTTP would arrive, from this process or one that it starts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "WANDB_BASE_URL"):
            monkeypatch.setenv(name, url)
        yield server


def _refuse(_: socket.socket, address: Any) -> None:
    raise AssertionError(f"connects to {address}")


def test_wandb_stays_offline_and_a_killed_training_is_one_run(
    tmp_path: Path, outside: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "true")
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.preload"])  # the one that other tests share
    process = context.Process(target=killed_in_wandb, args=(tmp_path, 2))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    before = psutil.Process().children()
    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket,
        "connect",
        lambda self, address: (connect if self.family == socket.AF_UNIX else _refuse)(self, address),
    )
    tracker = WandbTracker()
    tracker.begin(a_training(tmp_path))
    (helper,) = (child for child in psutil.Process().children() if child not in before)
    listens = [c for c in helper.net_connections("inet") if c.laddr.ip not in ("127.0.0.1", "::1")]
    for epoch in some_epochs(3):
        tracker.epoch(epoch)
    tracker.end({"accuracy": 0.75})
    assert not listens
    assert not helper.is_running()
    with pytest.raises(BlockingIOError):
        outside.accept()
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
    (folder,) = (tmp_path / "wandb").iterdir()
    (file,) = folder.glob("*.wandb")
    assert file.name == "run-run-1-0000000000000000.wandb"
    points, config, summary = in_wandb(file)
    assert points == expected(some_epochs(3))
    assert config["model"] == "a"
    assert summary["accuracy"] == 0.75


@pytest.mark.parametrize("mode", [None, "offline", "run", "shared", "online"])
def test_wandb_goes_online_only_where_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "true")
    if mode:
        monkeypatch.setenv("WANDB_MODE", mode)
    logged: list[int] = []
    asked: dict[str, Any] = {}

    def init(**arguments: Any) -> Any:
        asked.update(arguments)
        return SimpleNamespace(starting_step=21, log=lambda figures, step, commit: logged.append(step))

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Settings=dict))
    tracker = WandbTracker()
    tracker.begin(a_training(tmp_path))
    for epoch in some_epochs(3):
        tracker.epoch(epoch)
    assert asked["mode"] == ("online" if mode == "online" else "offline")
    assert (os.environ["WANDB_ERROR_REPORTING"] == "true") is (mode == "online")
    assert logged == [30]  # what the run has had since an earlier start is not sent again


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb"])
def test_a_missing_package_is_said_before_anything_runs(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracker: str
) -> None:
    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    (tmp_path / tracker).mkdir()  # a folder of its name where one stands is not the package
    monkeypatch.setattr(tracking, "version", version)
    done = command("run", "--suite", "accuracy", "--track", tracker)
    assert done.returncode == 2
    assert f"pip install {tracker}" in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--suite", "accuracy", "--track", "tensorbord"), "unknown tracker 'tensorbord': did you mean tensorboard"),
        (("--suite", "smoke", "--track", "tensorboard"), "--track is for a suite that trains; 'smoke' does not"),
    ],
)
def test_what_can_not_be_tracked_is_said(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = command("run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_tracker_that_fails_is_a_warning_and_the_training_is_as_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError("no space\nleft")

    monkeypatch.setattr(TensorBoardTracker, "epoch", no_space)
    job = _job(tmp_path / "tracked", "tensorboard")
    outcome = work(job)
    untracked = work(replace(job, folder=str(tmp_path / "untracked"), track=None))
    assert outcome.status is Status.OK
    (warning,) = outcome.warnings
    assert warning.kind == "not_tracked"
    assert warning.evidence == {"tracker": "tensorboard", "error": "OSError: no space left"}
    timed = ("train_time", "train_throughput")
    ours, theirs = ([r for r in o.readings if r.name not in timed] for o in (outcome, untracked))
    assert ours == theirs


@pytest.mark.parametrize("broken", ["begin", "epoch", "end"])
def test_a_tracker_that_has_failed_is_asked_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    asked: list[str] = []

    def ask(name: str) -> Any:
        def answer(*_: object) -> None:
            asked.append(name)
            if name == broken:
                raise RuntimeError

        return answer

    for name in ("begin", "epoch", "end"):
        monkeypatch.setattr(TensorBoardTracker, name, ask(name))
    followed = Tracking(_job(tmp_path, "tensorboard"))
    followed.follow(_at(1))
    followed.follow(_at(10, some_epochs(1)[0]))
    followed.end({})
    assert asked == ["begin", "epoch", "end"][: len(asked)]
    assert asked[-1] == broken
    assert [warning.kind for warning in followed.warnings] == ["not_tracked"]


def test_a_training_that_fails_is_closed_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[object] = []
    monkeypatch.setattr(TensorBoardTracker, "end", lambda self, summary: ended.append(summary))
    with pytest.raises(Stopped), Tracking(_job(tmp_path, "tensorboard")) as followed:
        followed.follow(_at(1))
        raise Stopped
    assert ended == [None]
