"""What tells the cells of merged runs apart: the machine, how a task was learnt, and how a model was configured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from suites.cell import Cell
from suites.fingerprint import Machine
from suites.task_workload import TaskWorkload

_NOISE = re.compile(r"\((?:R|TM|C)\)|\b(?:CPU|Processor|Intel|AMD|NVIDIA|\d+-Core)\b|@.*", re.IGNORECASE)
"""What a vendor adds to the name of a processor."""


class MachineNames:
    """What machines are called: `Xeon e99a`, with as many digits of their ids as tell them apart."""

    def __init__(self, machines: Mapping[str, Machine], ids: Iterable[str]) -> None:
        self._machines = machines
        self._ids = set(ids)
        self._digits = next((n for n in range(4, 12) if len({i[:n] for i in self._ids}) == len(self._ids)), 12)

    def of(self, machine: str, device: str) -> str:
        """Its name where it runs a device, after the device's processor; empty where it is the only machine."""
        if len(self._ids) < 2:
            return ""
        return f"{_short(self._machines.get(machine), device)} {machine[: self._digits]}".rstrip()


def _short(machine: Machine | None, device: str) -> str:
    if machine is None:
        return "unknown machine"
    name = machine.gpus[0].name if device == "cuda" and machine.gpus else machine.cpu
    return " ".join(_NOISE.sub(" ", name).split())[:40] or "machine"


def learning_names(cells: Sequence[Cell]) -> dict[str, str]:
    """How a task was learnt, by `learning_key`: what differs between recipes and data of one task; empty where nothing
    does. Models that learnt in different ways are never compared."""
    alike: dict[tuple[str, int], dict[str, dict[str, object]]] = {}
    for workload in (cell.workload for cell in cells):
        if isinstance(workload, TaskWorkload):
            ways = alike.setdefault((workload.task, workload.input_size), {})
            ways[_learning(workload)] = _flat({**workload.recipe.model_dump(mode="json"), "data": workload.data})
    names: dict[str, str] = {}
    for ways in alike.values():
        differing = _differing(list(ways.values()))
        names |= {key: ", ".join(_say(name, way[name]) for name in differing) for key, way in ways.items()}
    return names


def learning_key(cell: Cell) -> str:
    """The same for all that learnt one task at one size from the same examples under the same recipe; else empty."""
    return _learning(cell.workload) if isinstance(cell.workload, TaskWorkload) else ""


def _learning(workload: TaskWorkload) -> str:
    return f"{workload.task} {workload.input_size} {workload.data} {workload.recipe.model_dump_json()}"


def distinctions(rows: Iterable[tuple[object, Cell]]) -> dict[str, list[str]]:
    """By model: keys of `_flat` that tell apart cells which share a row, so that the model's name must say them."""
    shared: dict[object, list[Cell]] = {}
    for row, cell in rows:
        shared.setdefault(row, []).append(cell)
    keys: dict[str, list[str]] = {}
    for cells in (cells for cells in shared.values() if len(cells) > 1):
        found = keys.setdefault(cells[0].model, [])
        found += [key for key in _differing([facts(cell) for cell in cells]) if key not in found]
    return keys


def facts(cell: Cell) -> dict[str, object]:
    """All that decides a cell's result, by dotted key."""
    return _flat(cell.model_dump(mode="json"))


def say(keys: Sequence[str], cell: Cell) -> str:
    """A cell's values of these keys: `width 128, depth 4`; what it leaves to the default is not said."""
    own = facts(cell) if keys else {}
    return ", ".join(_say(key, own[key]) for key in keys if key in own)


def _flat(value: Mapping[str, Any]) -> dict[str, object]:
    return dict(_leaves(value, ""))


def _leaves(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, object]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(inner, sort_keys=True)


def _differing(several: Sequence[Mapping[str, object]]) -> list[str]:
    keys = dict.fromkeys(key for own in several for key in own)
    return [key for key in keys if len({own.get(key) for own in several}) > 1]


def _say(key: str, value: object) -> str:
    return f"{key.rpartition('.')[2].replace('_', ' ')} {str(value).strip(chr(34))}"
