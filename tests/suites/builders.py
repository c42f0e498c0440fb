"""Small plans and records for tests of the store and the reader."""

from __future__ import annotations

from suites.cell import Cell, identity
from suites.estimate import exact, sampled
from suites.plan import Plan, PlannedCell
from suites.record import MeasurementWarning, Record, Status
from suites.schema import now
from suites.suite import ImageAxes, Suite
from suites.workload import ImageWorkload


def make_plan(models: tuple[str, ...] = ("a", "b", "c")) -> Plan:
    suite = Suite(
        name="mine", question="?", models=list(models), workload=ImageAxes(image_size=[32]), metrics=["latency"]
    )
    return Plan(run="mine-1", created=now(), suite=suite, cells=[planned_cell(model) for model in models])


def planned_cell(model: str) -> PlannedCell:
    workload = ImageWorkload(height=32, width=32)
    cell = Cell(model=model, config={}, workload=workload, device="cpu", threads=1)
    return PlannedCell(identity=identity(cell), family="test", size_class=None, cell=cell)


def make_record(planned: PlannedCell, status: Status = Status.OK, attempt: int = 1) -> Record:
    warning = MeasurementWarning(kind="macs_gap", metric="macs", message="m", evidence={"x": 1}, advice="a")
    return Record(
        identity=planned.identity,
        cell=planned.cell,
        family=planned.family,
        size_class=planned.size_class,
        suite="mine",
        run="mine-1",
        attempt=attempt,
        status=status,
        reason=None if status is Status.OK else "because",
        estimates={"params": exact(10, "1", "counted"), "latency": sampled([[0.1] * 6], "s", "timed")},
        warnings=[warning],
        fingerprint="m1",
        block="block",
        started=now(),
        ended=now(),
        wall_s=1.0,
        measured_s=0.5,
    )
