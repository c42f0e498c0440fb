from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from bench import fingerprint
from bench.fingerprint import begin_session, end_session, read_gpus, read_machine


def test_the_machine_is_what_the_system_says() -> None:
    machine = read_machine()
    assert machine.ram_bytes == psutil.virtual_memory().total
    assert machine.affinity == sorted(os.sched_getaffinity(0))
    assert machine.packages["torch"] == version("torch")
    assert machine.cpu and machine.python and machine.libc
    assert machine.id == read_machine().id


def test_gpus_are_read_from_their_own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Tesla T4, 15360, 550.54, 585, 1590'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (gpu,) = read_gpus()
    assert (gpu.name, gpu.memory_bytes, gpu.clock_mhz, gpu.clock_max_mhz) == ("Tesla T4", 15360 * 2**20, 585, 1590)
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert read_gpus() == []


def test_a_moving_clock_does_not_make_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_clock(clock: int) -> str:
        monkeypatch.setattr(fingerprint, "read_gpus", lambda: [fingerprint._gpu(f"T4, 15360, 550, {clock}, 1590")])
        return read_machine().id

    assert with_clock(300) == with_clock(1500)


def test_a_session_notes_load_at_both_ends() -> None:
    session = begin_session(read_machine())
    assert session.ended is None
    ended = end_session(session)
    assert ended.ended is not None and ended.ended >= ended.started
    assert ended.load_end is not None
