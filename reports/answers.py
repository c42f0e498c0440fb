"""Each planned cell with its last record, and a name that tells it from every other cell of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from reports.naming import MachineNames, distinctions, learning_key, learning_names, say
from suites.cell import Cell
from suites.estimate import Estimate
from suites.plan import PlannedCell
from suites.record import MeasurementWarning, Record
from suites.results import Results

MISSING = "missing"
"""Status of a planned cell that has no record yet."""

_Axis: TypeAlias = tuple[Callable[[Cell], object], object, Callable[[object], str]]

_SEED: _Axis = (lambda cell: cell.seed, 0, lambda seed: f"seed {seed}")
_VARIANT_AXES: tuple[_Axis, ...] = (
    (lambda cell: cell.workload.layout, "contiguous", str),
    (lambda cell: cell.workload.fuse, False, lambda fuse: "fused" if fuse else "unfused"),
    (lambda cell: cell.precision, "fp32", str),
    (lambda cell: cell.runtime, "eager", str),
    (lambda cell: cell.workload.source, "photo", str),
    _SEED,
)
"""What may differ between rows of one model and one setting: (value, default, how it is said)."""


@dataclass(frozen=True)
class Answer:
    """A planned cell on one machine, and the record of it that counts if there is one."""

    planned: PlannedCell
    record: Record | None
    series: str
    """The model, plus what differs from the defaults among the axes that vary inside a setting."""
    entrant: str
    """The same whatever the seed: what learns, once for every seed."""
    machine: str = ""
    """Id of the machine; empty where no machine has begun yet."""
    machine_name: str = ""
    """What the machine is called; empty where only one took part."""
    learning: str = ""
    """How its task was learnt, where others learnt it in another way."""
    repeats: tuple[Record, ...] = ()
    """Records of other runs of the same cell on the same machine: they count only as what their blocks compare with."""

    @property
    def key(self) -> str:
        """What no other answer of the results has: the cell's identity, with the machine where several took part."""
        return f"{self.planned.identity}@{self.machine}" if self.machine_name else self.planned.identity

    @property
    def block(self) -> str | None:
        """Only cells that share it were timed side by side; None without a record."""
        return f"{self.record.run}/{self.record.block}" if self.record else None

    @property
    def forms(self) -> Iterator[Answer]:
        """Itself, and the same cell as other runs on this machine answered it."""
        yield self
        yield from (replace(self, record=record, repeats=()) for record in self.repeats)

    @property
    def cell(self) -> Cell:
        """What was asked."""
        return self.planned.cell

    @property
    def status(self) -> str:
        """The record's status, or `missing`."""
        return self.record.status.value if self.record else MISSING

    @property
    def setting(self) -> str:
        """Everything but the size that a block shares: one plot and one group of tables each."""
        threads = "1 thread" if self.cell.threads == 1 else f"{self.cell.threads} threads"
        parts = [self.cell.device, threads, self.cell.workload.setting, self.learning, self.machine_name]
        return ", ".join(filter(None, parts))

    @property
    def size(self) -> str:
        """The input's size without unit: `224`, `224x448` (height first), or the length of a sequence."""
        return self.cell.workload.size

    @property
    def variant(self) -> tuple[object, ...]:
        """All that may differ beside model, size and setting; like is compared with like."""
        return tuple(value(self.cell) for value, _, _ in _VARIANT_AXES)

    @property
    def figures(self) -> dict[str, Estimate]:
        """Estimates by column: a projection has a column of its own, so that it never stands beside a measurement."""
        estimates = self.record.estimates if self.record else {}
        return {
            name if estimate.origin == "measured" else f"{estimate.origin}_{name}": estimate
            for name, estimate in estimates.items()
        }

    @property
    def comparable(self) -> dict[str, Estimate]:
        """The figures of a cell that ended ok: what a failed one had read before is shown, and never compared."""
        return self.figures if self.status == "ok" else {}

    def warnings(self, metric: str) -> list[MeasurementWarning]:
        """Warnings about exactly this metric; `*` asks for those about the whole record."""
        return [warning for warning in self.record.warnings if warning.metric == metric] if self.record else []


def answers(results: Results) -> list[Answer]:
    """Every planned cell in the plan's order, once a machine that was to run it."""
    found = _placed(results)
    varying = [axis for axis in _VARIANT_AXES if _varies(axis, found)]
    kinds = [axis for axis in varying if axis is not _SEED]
    named = [replace(a, series=_name(a.cell, varying), entrant=_name(a.cell, kinds)) for a in found]
    keys = distinctions(((a.machine, a.setting, a.size, a.series), a.cell) for a in named)
    return [_distinct(answer, keys.get(answer.cell.model, ())) for answer in named]


def _varies(axis: _Axis, group: Iterable[Answer]) -> bool:
    """Whether cells of one setting differ in it: what differs between settings need not be said in each row."""
    first: dict[str, object] = {}
    return any(first.setdefault(answer.setting, axis[0](answer.cell)) != axis[0](answer.cell) for answer in group)


def _name(cell: Cell, axes: Iterable[_Axis]) -> str:
    said = [word(value(cell)) for value, default, word in axes if value(cell) != default]
    return " + ".join([cell.model, *said])


def _distinct(answer: Answer, keys: Sequence[str]) -> Answer:
    """With what tells its model's configurations apart in its names, if anything must."""
    said = say(keys, answer.cell)
    if not said:
        return answer
    return replace(answer, series=f"{answer.series} + {said}", entrant=f"{answer.entrant} + {said}")


def _placed(results: Results) -> list[Answer]:
    """Every cell with its record and machine; series and entrant are still the model's name alone."""
    tried = _tried(results)
    machines = [machine for records in tried.values() for machine in records]
    names = MachineNames(results.environment.machines, machines)
    learnt = learning_names([planned.cell for planned in results.plan.cells])
    repeats = _repeats(results)
    return [
        Answer(
            planned,
            record,
            planned.cell.model,
            planned.cell.model,
            machine,
            names.of(machine, planned.cell.device),
            learnt.get(learning_key(planned.cell), ""),
            tuple(r for r in repeats.get((planned.identity, machine), ()) if r is not record),
        )
        for planned in results.plan.cells
        for machine, record in tried[planned.identity].items()
    ]


def _tried(results: Results) -> dict[str, dict[str, Record | None]]:
    """By cell and machine: the record that counts, or None where a run that began there has not come to it yet."""
    found: dict[str, dict[str, Record | None]] = {planned.identity: {} for planned in results.plan.cells}
    for (identity, machine), record in results.latest().items():
        found[identity][machine] = record
    for identity, machine in _open(results):
        found[identity].setdefault(machine, None)
    begun = {machine for own in found.values() for machine in own} - {""}
    order = {machine: rank for rank, machine in enumerate(results.environment.machines)}
    if len(begun) == 1:  # what no machine has begun is that one's too
        (only,) = begun
        return {i: {only: next(filter(None, own.values()), None)} for i, own in found.items()}
    return {i: dict(sorted(own.items(), key=lambda pair: order.get(pair[0], len(order)))) for i, own in found.items()}


def _open(results: Results) -> Iterator[tuple[str, str]]:
    """Cells without a record of a run that was to measure them, each with the machine where the run was last."""
    sessions = [session.machine for session in results.environment.sessions]
    every = [planned.identity for planned in results.plan.cells]
    parts: list[tuple[str | None, list[str], list[str]]] = [(p.run, p.cells, p.machines) for p in results.plan.merged]
    for run, cells, machines in parts or [(None, every, sessions)]:
        answered = {record.identity for record in results.records if run in (None, record.run)}
        last = machines[-1] if machines else ""
        yield from ((identity, last) for identity in cells if identity not in answered)


def _repeats(results: Results) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in results.attempts():
        found.setdefault((record.identity, record.fingerprint), []).append(record)
    return found
