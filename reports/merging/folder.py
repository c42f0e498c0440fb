"""A merged result folder: written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from baselines.errors import UsageError
from reports.merging.merge import merged
from suites.results import ENVIRONMENT, PLAN, RECORDS, TRAINING, Results, read_results

_KEPT = ("history.jsonl", "predictions-*.safetensors")
"""What reports read of a cell that learnt. Its weights stay with its run."""


def write_merged(folders: Sequence[Path], out: Path) -> Results:
    """Merge result folders into ``out`` and return what is there.

    Where ``out`` holds exactly this merge already it is left as it is. Raises ``UsageError`` where the runs disagree,
    where ``out`` holds something else, and where it can't be written: then nothing of it is there.
    """
    result = merged([read_results(folder) for folder in dict.fromkeys(folders)])
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if _holds(out, result):
            return read_results(out)
        raise UsageError(f"{out} exists and holds something else; name a new folder with --out, or remove it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as part:
            whole = Path(part) / "whole"
            _write(result, whole)
            whole.replace(out)
    except OSError as error:
        raise UsageError(f"can't write {out}: {error.strerror or error}; name another place with --out") from error
    return read_results(out)


def _holds(out: Path, result: Results) -> bool:
    try:
        there = read_results(out)
    except UsageError:
        return False
    same = (there.plan, there.records, there.environment) == (result.plan, result.records, result.environment)
    return same and not there.torn_bytes


def _write(result: Results, folder: Path) -> None:
    folder.mkdir()
    _flush(folder / ENVIRONMENT, result.environment.model_dump_json(indent=2) + "\n")
    _flush(folder / RECORDS, "".join(record.model_dump_json() + "\n" for record in result.records))
    _flush(folder / PLAN, result.plan.model_dump_json(indent=2) + "\n")
    for record in result.records:
        _keep(result.kept(record), folder / TRAINING / record.run / record.identity)


def _flush(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _keep(source: Path, target: Path) -> None:
    """Copy what a cell that learnt has kept; links are not followed out of its folder."""
    for path in sorted(path for pattern in _KEPT for path in source.glob(pattern)):
        if path.is_file() and not path.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)
