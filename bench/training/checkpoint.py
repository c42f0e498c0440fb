"""Checkpoints: one safetensors file each, with its counters as JSON in the header, so that the two never part.

Nothing is ever unpickled. A file says which run it belongs to, and what its bytes add up to.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.errors import UsageError
from bench.training.files import replace
from suites.tasks.errors import DataError

LAST, BEST = "last.safetensors", "best.safetensors"
_FORM = "vio-bench checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """What a file held."""

    tensors: dict[str, Tensor]
    counters: dict[str, Any]
    run: str
    """Which run wrote it."""


def save(path: Path, tensors: dict[str, Tensor], counters: dict[str, Any], run: str) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        NotWritten: the operating system refuses, as where the disk is full; the old file is still there.
    """
    import safetensors.torch

    apart = {name: _alone(value) for name, value in tensors.items()}
    header = {"form": _FORM, "run": run, "counters": json.dumps(counters), "crc32": _checksum(apart)}
    replace(path, safetensors.torch.save(apart, header))


def load(path: Path, run: str | None = None) -> Checkpoint:
    """Read a checkpoint into the CPU's memory.

    Args:
        path: the file.
        run: the run that must have written it; any if None.

    Raises:
        DataError: the file is missing, torn or altered, or no checkpoint of this program.
        UsageError: it belongs to another run.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{path}: torn, or no safetensors file ({error}); {_remedy(path)}") from error
    if header.get("form") != _FORM:
        raise DataError(f"{path}: not a checkpoint of this vio-bench (its header says {header.get('form')!r})")
    if header.get("crc32") != _checksum(tensors):
        raise DataError(f"{path}: its bytes are not those that were written; {_remedy(path)}")
    found = header.get("run", "")
    if run is not None and found != run:
        raise UsageError(f"{path} belongs to another run ({found}, and this is {run}); move it out of the folder")
    return Checkpoint(tensors, json.loads(header["counters"]), found)


def load_weights(model: nn.Module, path: Path) -> Checkpoint:
    """Give a model the weights in a `best.safetensors`, and return all that the file says.

    Raises:
        DataError: as `load`.
        UsageError: the weights are another model's; names the first that differs.
    """
    checkpoint = load(path)
    own, found = model.state_dict(), checkpoint.tensors
    for name in sorted(own.keys() | found.keys()):
        here, there = _shape(own, name), _shape(found, name)
        if here != there:
            raise UsageError(f"{path}: weights of another model: {name} is {there} there and {here} here")
    model.load_state_dict(found)
    return checkpoint


def _alone(value: Tensor) -> Tensor:
    """The same numbers in memory that no other tensor shares, as safetensors asks; tied weights are stored twice."""
    return value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _checksum(tensors: dict[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


def _shape(tensors: dict[str, Tensor], name: str) -> str:
    return str(tuple(tensors[name].shape)) if name in tensors else "missing"


def _remedy(path: Path) -> str:
    return f"remove {path.parent} to train anew, or restore the file"
