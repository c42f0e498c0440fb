"""A result folder as it is written: plan first, then a line a cell, flushed to disk before the next cell starts."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel
from typing_extensions import Self

from baselines.errors import UsageError
from bench.interrupts import interrupt_later
from suites.fingerprint import Environment, Machine, Session
from suites.plan import Plan
from suites.record import Record
from suites.results import ENVIRONMENT, PLAN, RECORDS, Results, read_results

_LOCK_FILE = ".lock"


class Store:
    """The writing end of one result folder, locked: one run at a time works in it. Use as a context manager."""

    def __init__(self, results: Results, lock: int) -> None:
        self.folder = results.folder
        self.plan = results.plan
        self.records = results.records
        self.environment = results.environment
        self.torn_bytes = results.torn_bytes
        """Bytes of a torn last line that opening the folder removed."""
        self._lock = lock

    @classmethod
    def create(cls, parent: Path, plan: Plan) -> Store:
        """A new folder under ``parent`` with the plan in it."""
        folder = parent / plan.run
        with _explained(folder):
            folder.mkdir(parents=True)
        environment = Environment(machines={}, sessions=[])
        store = cls(Results(folder, plan, [], environment, torn_bytes=0), _lock(folder))
        store._replace(ENVIRONMENT, store.environment)
        store._replace(PLAN, plan)  # last: a folder with a plan is complete enough to resume
        return store

    @classmethod
    def open(cls, folder: Path) -> Store:
        """An existing folder, to go on in. A torn last line is cut off and its cell counts as not run."""
        plan = read_results(folder).plan  # whether it is one, before a lock file is left in it
        if plan.merged:
            runs = ", ".join(part.run for part in plan.merged)
            raise UsageError(f"{folder} was merged and can't go on; resume the run itself ({runs}), then merge again")
        lock = _lock(folder)
        results = read_results(folder)  # again, now that nobody else writes
        if results.torn_bytes:
            with _explained(folder), (folder / RECORDS).open("r+b") as file:
                file.truncate((folder / RECORDS).stat().st_size - results.torn_bytes)
        return cls(results, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        os.close(self._lock)  # closing releases the lock; so does the kernel, whatever kills this process

    def append(self, record: Record) -> None:
        """Add one line and wait until it is on disk; a Ctrl-C meanwhile takes effect afterwards.

        Where the disk is full the part that was written is taken back, so that every line stays whole.
        """
        line = record.model_dump_json().encode() + b"\n"
        path = self.folder / RECORDS
        with interrupt_later(), _explained(path), path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                written = 0
                while written < len(line):
                    written += file.write(line[written:])
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
        self.records.append(record)

    def begin_session(self, machine: Machine, session: Session) -> None:
        """Note that a session works here, and on which machine."""
        machines = {**self.environment.machines, machine.id: machine}
        self.environment = Environment(machines=machines, sessions=[*self.environment.sessions, session])
        self._replace(ENVIRONMENT, self.environment)

    def end_session(self, session: Session) -> None:
        """Replace the note of the current session by its complete form."""
        sessions = [*self.environment.sessions[:-1], session]
        self.environment = Environment(machines=self.environment.machines, sessions=sessions)
        self._replace(ENVIRONMENT, self.environment)

    def _replace(self, name: str, content: BaseModel) -> None:
        """Write a file whole or not at all."""
        path, part = self.folder / name, self.folder / f"{name}.part"
        with interrupt_later(), _explained(path):
            with part.open("w", encoding="utf-8") as file:
                file.write(content.model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)


def _lock(folder: Path) -> int:
    """Take the folder's lock and return its handle."""
    with _explained(folder):
        handle = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UsageError(f"another vio-bench works in {folder}; wait for it or stop it") from None
    return handle


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What the operating system refuses is the user's to mend: say it in one line."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"can't write {path}: {error.strerror or error}; make room, or choose another place with --out. "
            "What was recorded before is safe, and --resume goes on from there"
        ) from error
