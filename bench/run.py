"""Carry a plan out: what is missing in its folder, block by block, a record a cell."""

from __future__ import annotations

from rich.console import Console

from baselines.errors import UsageError
from bench.cell_record import RunContext, make_record
from bench.executors import EXECUTORS
from bench.fingerprint import begin_session, end_session, read_machine
from bench.interrupts import terminate_like_ctrl_c
from bench.job import Track
from bench.plan import metrics_by_pass
from bench.progress import RunProgress
from bench.schedule import Schedule
from bench.store import Store
from suites.plan import PlannedCell
from suites.record import Record, Status
from suites.results import TRAINING


def missing(store: Store) -> list[PlannedCell]:
    """The planned cells still to be run: those without a record, and those that may end otherwise now.

    A crash may have come from outside (a kill, a lost machine), and what interrupted a cell, such as a full disk or
    missing data, may be over; a training that ran out of time goes on with its checkpoint. Every other status is an
    answer.
    """
    latest = {record.identity: record for record in store.records}

    def open_still(record: Record) -> bool:
        timed_out = record.status is Status.TIMEOUT and (store.folder / TRAINING / record.identity).is_dir()
        return record.status in (Status.CRASHED, Status.INTERRUPTED) or timed_out

    return [p for p in store.plan.cells if p.identity not in latest or open_still(latest[p.identity])]


def carry_out(store: Store, console: Console, tracker: str | None = None) -> list[Record]:
    """Run what is missing and return the latest record of every cell; trainings are shown in ``tracker``.

    Raises ``KeyboardInterrupt`` after Ctrl-C or SIGTERM: every cell that ended before has its record.
    """
    todo = missing(store)
    if todo:
        machine = read_machine()
        session = begin_session(machine)
        store.begin_session(machine, session)
        suite = store.plan.suite
        by_pass = metrics_by_pass(suite.metrics)
        processes = len(by_pass) - 1 + suite.protocol.processes if "time" in by_pass else len(by_pass)
        kept = store.folder / TRAINING
        track = Track(tracker, store.plan.run, str(store.folder)) if tracker else None
        done = len(store.plan.cells) - len(todo)
        with terminate_like_ctrl_c(), RunProgress(console, todo, done, processes) as progress:
            executor = EXECUTORS.load("local")()
            schedule = Schedule(by_pass, suite.protocol, executor, progress.on_job, progress.on_told, kept, track)
            try:
                _work(store, todo, machine.id, schedule, progress)
            finally:
                store.end_session(end_session(session))
    latest = list({record.identity: record for record in store.records}.values())
    if latest and all(record.status is Status.UNAVAILABLE for record in latest):
        raise UsageError(f"nothing could run here: {latest[0].reason}")
    return latest


def _work(store: Store, todo: list[PlannedCell], fingerprint: str, schedule: Schedule, progress: RunProgress) -> None:
    attempts = {record.identity: record.attempt for record in store.records}
    wanted = {planned.identity for planned in todo}
    session = len(store.environment.sessions)
    for block in store.plan.blocks():
        cells = [planned for planned in block if planned.identity in wanted]
        for work in schedule.run_block(cells):
            context = RunContext(
                suite=store.plan.suite.name,
                run=store.plan.run,
                fingerprint=fingerprint,
                block=f"{work.planned.cell.block}#{session}",
                interleaved=len(cells) == len(block),
                attempt=attempts.get(work.planned.identity, 0) + 1,
            )
            record = make_record(work, schedule, context)
            store.append(record)
            progress.on_record(record)
