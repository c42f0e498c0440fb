"""Inside the process of a cell: build the model, ask each probe, send the outcome. Everything else is the parent's."""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.errors import NotWritten
from bench.job import Findings, Job, Outcome, Told, Unavailable
from bench.lifeline import die_with_parent
from suites.record import Status
from suites.tasks.errors import DataError

if TYPE_CHECKING:
    from bench.subject import Subject

_MEMORY_SHARE = 0.9
_OOM_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory", "bad_alloc")


def main(job: Job, connection: Connection, log: str) -> None:
    """Work on ``job`` and send one ``Outcome`` through ``connection``; print into the file ``log``."""
    die_with_parent()
    os.setsid()  # a group of its own: Ctrl-C stays with the parent, which ends this group whole
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _print_into(Path(log))
    gc.freeze()  # what the forkserver imported stays: no collection need ever walk it
    if job.cell.device == "cpu":
        _limit_memory(job.protocol.memory_limit_gib)
    connection.send(work(job, connection.send))
    connection.close()


def work(job: Job, tell: Callable[[Told], None] = lambda _: None) -> Outcome:
    """Build the subject and ask each probe. Whatever is raised becomes a status and a reason."""
    found = Findings()
    measured = 0.0
    try:
        subject = _build(job, tell)
        found.warnings += subject.warnings
        for metric in job.metrics:
            started = time.perf_counter()
            found.merge(_probe(metric, subject))
            measured += time.perf_counter() - started
        if job.check_output:
            started = time.perf_counter()
            _check(subject)
            measured += time.perf_counter() - started
    except Unavailable as error:
        return Outcome(Status.UNAVAILABLE, str(error), log=traceback.format_exc())
    except MemoryError as error:
        return _failed(Status.OOM, f"out of memory: {error or 'allocation refused'}", found, measured)
    except (NotWritten, DataError) as error:  # once there is room, or the data are mended, the same may succeed
        return _failed(Status.INTERRUPTED, str(error), found, measured)
    except BaseException as error:  # a model may raise anything, SystemExit too, and each is a result
        status = Status.OOM if _is_oom(error) else Status.ERROR
        return _failed(status, f"{type(error).__name__}: {error}", found, measured)
    return Outcome(Status.OK, None, tuple(found.readings), tuple(found.warnings), measured_s=measured)


def _build(job: Job, tell: Callable[[Told], None]) -> Subject:
    from bench.subject import build_subject

    return build_subject(job, tell)


def _probe(metric: str, subject: Subject) -> Findings:
    from bench.probes import PROBES

    return PROBES.load(metric).read(subject)


def _check(subject: Subject) -> None:
    from bench.subject import check_call

    check_call(subject)


def _failed(status: Status, reason: str, found: Findings, measured: float) -> Outcome:
    one_line = " ".join(reason.split())[:500]
    return Outcome(
        status, one_line, tuple(found.readings), tuple(found.warnings), measured_s=measured, log=traceback.format_exc()
    )


def _is_oom(error: BaseException) -> bool:
    """PyTorch's CPU allocator raises a plain RuntimeError, C++ code a translated bad_alloc."""
    words = f"{type(error).__name__} {error}".lower()
    return "outofmemory" in words or any(phrase in words for phrase in _OOM_WORDS)


def _print_into(log: Path) -> None:
    """Send everything printed, by Python or by C, to ``log``; a fatal signal leaves its traceback there too."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    faulthandler.enable(file=2)


def _limit_memory(limit_gib: float | None) -> None:
    """Make an allocation beyond the limit fail in this process, before the kernel has to kill something.

    RLIMIT_DATA counts private writable memory (Linux 4.7 on), so reserved address space, of which CUDA builds of
    torch take a lot, does not count.
    """
    import psutil

    available = psutil.virtual_memory().available * _MEMORY_SHARE
    allowed = int(min(limit_gib * 2**30, available) if limit_gib else available)
    held = psutil.Process().memory_info()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = held.data + allowed
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
