from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from bench.cli import app

if TYPE_CHECKING:
    from tests.bench.trained import Learnt

ROOT = Path(__file__).parents[2]
MODELS = Path(__file__).parent / "models"

QUICK = {"target": 0.5, "processes": 1, "time_cap_s": 0.05, "warmup_cap_s": 0.05, "timeout_s": 60}
"""A protocol for tests that care about everything but the timing."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start ``vio-bench`` in a process of its own, as its user would, working in a folder. None outlives the test."""
    started = []

    def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
        folder.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", "from bench.cli import app; app()", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{MODELS}", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def own_process(start: Start, tmp_path: Path) -> Command:
    """Run ``vio-bench`` for real, with the test models importable. It takes seconds to import what it needs."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        process = start(tmp_path, *arguments)
        stdout, stderr = process.communicate(timeout=200)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``vio-bench`` within this process, so that all tests share its imports and one warm forkserver."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(MODELS)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "120"}, catch_exceptions=False)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def suite_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a small suite and return its path."""

    def write(models: list[str], **changes: object) -> Path:
        suite: dict[str, object] = {
            "name": "mine",
            "question": "Does it work?",
            "models": models,
            "workload": {"image_size": [32], "source": "noise"},
            "metrics": ["params", "macs", "latency", "peak_memory"],
            "protocol": QUICK,
        }
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**suite, **changes}))
        return path

    return write


@pytest.fixture
def digits(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    return _trained().digits(tmp_path_factory.getbasetemp())


@pytest.fixture
def dna(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    return _trained().dna(tmp_path_factory.getbasetemp())


@pytest.fixture
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    return _trained().tokens(tmp_path_factory.getbasetemp())


def _trained() -> Any:
    """Imported where it is asked for: it needs torch, and most commands do not."""
    from tests.bench import trained

    return trained
