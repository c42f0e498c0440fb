"""What the probes of a learning cell share: its task, and the data that it was planned with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.errors import UsageError

if TYPE_CHECKING:
    from suites.cell import Cell
    from suites.task_workload import TaskWorkload
    from suites.tasks.task import TaskData


def task_of(cell: Cell, metric: str) -> TaskWorkload:
    """The cell's task. Raises `UsageError` where it has none to learn."""
    workload = cell.workload
    if workload.kind != "task":
        raise UsageError(f"{metric} needs a task to learn: give the workload 'kind: task'")
    return workload


def load_planned(workload: TaskWorkload) -> TaskData:
    """The data that the cell was planned with. Raises `DataError` where they changed since."""
    from suites.tasks.errors import DataError
    from suites.tasks.loading import load_task

    data = load_task(workload.task, workload.input_size, tuple(workload.test_sizes))
    if data.digest != workload.data:
        raise DataError(
            f"the data of {workload.task} changed since this run was planned (digest {data.digest}, planned "
            f"{workload.data}); put them back and resume, or start a new run"
        )
    return data
