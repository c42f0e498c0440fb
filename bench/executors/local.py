"""Cells on this machine, each forked from a forkserver that has imported everything and run nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bench import cell_process
from bench.interrupts import interrupt_later
from bench.job import Job, Outcome, Told
from suites.record import Status

_LOG_TAIL = 4000
_EXIT_S = 10.0


def start_forkserver() -> None:
    """Let the forkserver begin its imports; they take seconds, in which the parent may plan."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["bench.preload"])
    forkserver.ensure_running()


class LocalExecutor:
    """One job at a time, blocking on a pipe: the parent sleeps while a cell is measured."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["bench.preload"])

    def execute(self, job: Job, on_told: Callable[[Told], None] = lambda _: None) -> Outcome:
        """Fork, wait for the outcome, the end of the process, or the timeout."""
        descriptor, name = tempfile.mkstemp(prefix="vio-bench-", suffix=".log")
        os.close(descriptor)
        log = Path(name)
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=cell_process.main, args=(job, sender, str(log)), daemon=True)
        kernel_kills = _kernel_oom_kills()
        started = time.perf_counter()
        try:
            outcome = _start(process)
            if outcome is None:
                sender.close()  # the cell has its own; with this one open its death would not be seen
                outcome = _await(process, receiver, job.protocol.timeout_s, kernel_kills, on_told)
            wall = time.perf_counter() - started
            printed = "" if outcome.status is Status.OK else _tail(log)
            return replace(outcome, wall_s=wall, log=(printed + outcome.log)[-_LOG_TAIL:])
        finally:
            if process.is_alive():
                process.kill()
                process.join(_EXIT_S)
            _end_group(process.pid)
            receiver.close()
            log.unlink(missing_ok=True)


def _start(process: ForkServerProcess) -> Outcome | None:
    """Fork the cell; an outcome only where that failed. The next process gets a new forkserver."""
    try:
        with interrupt_later():  # a process half started could not be ended
            process.start()
    except (EOFError, OSError) as error:
        return Outcome(Status.CRASHED, f"the forkserver died while it started this process: {error}")
    return None


def _await(
    process: ForkServerProcess,
    receiver: Connection,
    timeout_s: float,
    kernel_kills: int,
    on_told: Callable[[Told], None],
) -> Outcome:
    end = time.monotonic() + timeout_s
    while wait([receiver, process.sentinel], max(0.0, end - time.monotonic())):
        try:
            if not receiver.poll():  # it died, and only something that it left behind still holds the pipe
                raise EOFError
            message: Outcome | Told = receiver.recv()
        except (EOFError, OSError):
            process.join(_EXIT_S)
            return _died(process.exitcode, kernel_kills)
        if isinstance(message, Outcome):
            process.join(_EXIT_S)
            return message
        on_told(message)
    process.kill()
    process.join(_EXIT_S)
    return Outcome(Status.TIMEOUT, f"no answer within {timeout_s:g} s (protocol.timeout_s); ended")


def _end_group(leader: int | None) -> None:
    """End whatever a cell started and left behind: it would go on beside the next measurement."""
    if leader is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def _died(exit_code: int | None, kernel_kills: int) -> Outcome:
    """The outcome of a process that ended without an answer."""
    if exit_code is None or exit_code >= 0:
        return Outcome(Status.CRASHED, f"its process ended without an answer (exit code {exit_code})")
    known = {number.value: number.name for number in signal.Signals}
    name = known.get(-exit_code, f"signal {-exit_code}")
    if -exit_code == signal.SIGKILL and _kernel_oom_kills() > kernel_kills:
        return Outcome(Status.OOM, "the kernel ended its process: the machine ran out of memory")
    return Outcome(Status.CRASHED, f"its process was ended by {name}")


def _kernel_oom_kills() -> int:
    """How often the kernel has killed for memory since boot; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _tail(log: Path) -> str:
    """The end of what was printed, without faulthandler's list of every extension module that is loaded."""
    return log.read_text(errors="replace").partition("\nExtension modules:")[0][-_LOG_TAIL:]
