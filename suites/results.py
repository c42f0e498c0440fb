"""The one strict reader of a result folder. Nothing in it is ever unpickled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from baselines.errors import UsageError
from suites.fingerprint import Environment
from suites.plan import Plan
from suites.record import Record, Status
from suites.schema import SCHEMA_VERSION, Strict

PLAN, RECORDS, ENVIRONMENT = "plan.json", "records.jsonl", "environment.json"
TRAINING = "training"
"""Folder of what cells that learn keep, each in one named by its identity: checkpoints, history, predictions. In a
merged folder these are under the id of their run."""

Form = TypeVar("Form", bound=Strict)


@dataclass(frozen=True)
class Results:
    """All that a result folder holds."""

    folder: Path
    plan: Plan
    records: list[Record]
    environment: Environment
    torn_bytes: int
    """Bytes of an unfinished last line in records.jsonl; 0 where the file ends as it should."""
    trained: Mapping[str, Path] = field(default_factory=dict)
    """Of merged runs: where each has what its cells kept, by its id."""

    def latest(self) -> dict[tuple[str, str], Record]:
        """The record that counts of each cell on each machine, by (identity, fingerprint).

        Within a run a later attempt replaces an earlier one, wherever it was made. Of several runs of a cell on one
        machine that ended ok the last counts, or the last of all where none did.
        """
        counting: dict[tuple[str, str], Record] = {}
        for record in sorted(self.attempts(), key=lambda record: (record.status is Status.OK, record.ended)):
            counting[record.identity, record.fingerprint] = record
        return counting

    def attempts(self) -> list[Record]:
        """The last attempt of each run at each cell; of copies of a run that went on apart, each one's."""
        last: dict[tuple[str, str], int] = {}
        for record in self.records:
            key = record.run, record.identity
            last[key] = max(last.get(key, 0), record.attempt)
        return [record for record in self.records if record.attempt == last[record.run, record.identity]]

    def kept(self, record: Record) -> Path:
        """The folder of what a cell that learnt has kept, whether or not there is any."""
        return self.trained.get(record.run, self.folder / TRAINING) / record.identity


def read_results(folder: Path) -> Results:
    """Read a result folder. Raises ``UsageError`` naming file and line for anything malformed.

    A last line without its newline was torn by a kill; it is left out and its size reported.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name one that 'vio-bench run' made")
    if not (folder / PLAN).is_file():
        raise UsageError(f"{folder} is not a result folder: it has no {PLAN}")
    plan = _read_one(folder / PLAN, Plan)
    environment = _read_one(folder / ENVIRONMENT, Environment)
    records, torn = _read_records(folder / RECORDS)
    _check_belonging(folder, plan, records)
    trained = {part.run: folder / TRAINING / part.run for part in plan.merged}
    return Results(folder, plan, records, environment, torn, trained)


def _read_one(path: Path, form: type[Form]) -> Form:
    return _parse(_read_bytes(path), form, str(path))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror or error}") from error


def _read_records(path: Path) -> tuple[list[Record], int]:
    if not path.exists():
        return [], 0
    *lines, torn = _read_bytes(path).split(b"\n")
    return [_parse(line, Record, f"{path}:{number}") for number, line in enumerate(lines, 1)], len(torn)


def _parse(content: bytes, form: type[Form], where: str) -> Form:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON ({error}); restore the file or remove what was altered") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UsageError(f"{where}: schema {version} is newer than this vio-bench reads ({SCHEMA_VERSION}); upgrade it")
    if isinstance(version, int) and version < SCHEMA_VERSION:
        raise UsageError(f"{where}: schema {version} is older than this vio-bench reads ({SCHEMA_VERSION}); run anew")
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or form.__name__.lower()
        raise UsageError(f"{where}: {field}: {first['msg'].removeprefix('Value error, ')}; was it altered?") from error


def _check_belonging(folder: Path, plan: Plan, records: Iterable[Record]) -> None:
    planned = {cell.identity for cell in plan.cells}
    for number, record in enumerate(records, 1):
        if record.identity not in planned:
            raise UsageError(
                f"{folder / RECORDS}:{number}: cell {record.identity} ({record.cell.label}) is not in {PLAN}; "
                "the two files come from different runs"
            )
        if plan.merged and record.run not in {part.run for part in plan.merged}:
            raise UsageError(
                f"{folder / RECORDS}:{number}: run {record.run} is none of those in {PLAN}; merge the runs again"
            )
