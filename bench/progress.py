"""What a person sees while a run works: a live display in a terminal, plain lines elsewhere, always on stderr.

The display is drawn between processes only. A spinner would use the very CPUs that are being measured.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from typing_extensions import Self

from bench.job import Told
from bench.schedule import CellWork
from suites.plan import PlannedCell
from suites.record import Record, Status

_WEIGHT_TOKENS = 1500.0
"""A cell's share of the whole is taken as 1 + tokens / this: rough, and good enough for 'time left'."""


class RunProgress:
    """Shows cells done, the current cell and the time left. Use as a context manager."""

    def __init__(self, console: Console, todo: list[PlannedCell], done: int, processes: int) -> None:
        """``processes`` is how many a cell is expected to take."""
        self._console = console
        self._weights = {p.identity: 1 + p.cell.workload.tokens * p.cell.workload.batch / _WEIGHT_TOKENS for p in todo}
        self._left = dict(self._weights)
        self._processes = processes
        self._total = done + len(todo)
        self._count = done
        self._started = time.monotonic()
        self._live = Progress(
            TextColumn("{task.fields[bar_label]}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("starting", total=self._total, completed=done, bar_label="cells", left="")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._live.stop()

    def on_job(self, work: CellWork, doing: str) -> None:
        """A process is about to start."""
        key = work.planned.identity
        self._left[key] = self._weights[key] * max(0.1, 1 - len(work.outcomes) / self._processes)
        description = escape(f"{work.planned.cell.label}: {doing}")
        self._live.update(self._task, description=description, left=self._time_left())
        self._live.refresh()

    def on_told(self, work: CellWork, told: Told) -> None:
        """A process says how far it is."""
        key = work.planned.identity
        self._left[key] = self._weights[key] * max(0.02, 1 - told.done) / max(1, self._processes)
        description = escape(f"{work.planned.cell.label}: {told.doing}")
        self._live.update(self._task, description=description, left=self._time_left())
        self._live.refresh()

    def on_record(self, record: Record) -> None:
        """A cell has ended."""
        self._count += 1
        self._left.pop(record.identity, None)
        self._live.update(self._task, completed=self._count, left=self._time_left())
        self._live.refresh()
        if record.status is not Status.OK:
            self._line(record, f"{record.status.value}: {record.reason}")
        elif not self._console.is_terminal:
            self._line(record, summary(record))

    def _line(self, record: Record, text: str) -> None:
        line = f"[{self._count}/{self._total}] {record.cell.label}  {text}  {self._time_left()}".rstrip()
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _time_left(self) -> str:
        done = sum(self._weights.values()) - sum(self._left.values())
        elapsed = time.monotonic() - self._started
        if not done or not self._left:
            return ""
        seconds = elapsed / done * sum(self._left.values())
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"


def summary(record: Record) -> str:
    """A record in a few words: what it learnt, or its timed figure, if it has one."""
    accuracy = record.estimates.get("accuracy")
    if accuracy is not None:
        low, high = 100 * accuracy.low, 100 * accuracy.high
        return f"accuracy {100 * accuracy.value:.1f} % ({low:.1f}-{high:.1f}, n={accuracy.n})"
    latency = record.estimates.get("latency")
    if latency is None:
        return f"ok ({len(record.estimates)} figures)"
    median = f"{latency.value:.2f} s" if latency.value >= 1 else f"{latency.value * 1e3:.3g} ms"
    return f"{median} ± {100 * latency.half_width:.1f} % (n={latency.n})"
