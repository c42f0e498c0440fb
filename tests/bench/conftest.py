from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MODELS = Path(__file__).parent / "models"

QUICK = {"target": 0.5, "processes": 1, "time_cap_s": 0.05, "warmup_cap_s": 0.05, "timeout_s": 60}
"""A protocol for tests that care about everything but the timing."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run ``vio-bench`` for real, in a folder of its own, with the test models importable."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from bench.cli import app; app()", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{MODELS}", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            **options,  # type: ignore[call-overload]
        )

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
