"""What trackers have written, read back; and a tracked training that a test kills, importable by another process."""

from __future__ import annotations

import json
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.tracking import TrackedTraining
from suites.history import Epoch

Points = dict[str, list[tuple[int, float]]]
"""Of each curve, (step, value) in the order written."""

_BLOCK, _FILE_HEADER, _RECORD_HEADER = 32768, 7, struct.Struct("<IHB")  # checksum, length, which part of a record
_WHOLE, _LAST = 1, 4


def some_epochs(count: int) -> list[Epoch]:
    return [
        Epoch(
            epoch=number,
            step=10 * number,
            loss=1 / number,
            train_accuracy=None,
            validation_accuracy=1 - 1 / number if number % 2 else None,
            validation_loss=1 / number if number % 2 else None,
            lr=0.001,
            examples_per_second=100.0,
            seconds=float(number),
        )
        for number in range(1, count + 1)
    ]


def a_training(folder: Path) -> TrackedTraining:
    config = {"model": "a", "workload": {"task": "b"}}
    return TrackedTraining("run-1", folder, "a-b-00000000", "a @ b", "0000000000000000", config)


def killed_in_wandb(folder: Path, epochs: int) -> None:
    """Track some epochs, and be killed. The forkserver's environment is older than the test's."""
    os.environ.update(WANDB_MODE="offline", WANDB_CACHE_DIR=str(folder / "cache"))
    from bench.trackers.wandb import WandbTracker

    tracker = WandbTracker()
    tracker.begin(a_training(folder))
    for epoch in some_epochs(epochs):
        tracker.epoch(epoch)
    os.kill(os.getpid(), signal.SIGKILL)


def expected(epochs: list[Epoch] | tuple[Epoch, ...]) -> Points:
    """The curves that a history amounts to."""
    points: Points = {}
    for epoch in epochs:
        for name, value in epoch.model_dump(exclude={"step"}, exclude_none=True).items():
            points.setdefault(name, []).append((epoch.step, value))
    return points


def in_tensorboard(folder: Path) -> Points:
    """The curves by TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder)).Reload()
    return {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}


def in_wandb(file: Path) -> tuple[Points, dict[str, Any], dict[str, Any]]:
    """The curves, the config and the last summary of a ``.wandb`` file."""
    from wandb.proto.wandb_internal_pb2 import Record

    points: Points = {}
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    for content in _records(file.read_bytes()):
        record = Record()
        record.ParseFromString(content)
        items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in items.items():
            if not name.startswith("_"):
                points.setdefault(name, []).append((items["_step"], value))
        config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        summary |= {
            item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.summary.update
        }
    return points, config, summary


def _records(content: bytes) -> Iterator[bytes]:
    """The records of LevelDB's log format (its doc/log_format.md), which W&B writes behind a header of its own."""
    place, parts = _FILE_HEADER, b""
    while place + _RECORD_HEADER.size <= len(content):
        if _BLOCK - place % _BLOCK < _RECORD_HEADER.size:  # the rest of a block is too small for a header
            place += _BLOCK - place % _BLOCK
            continue
        _, length, part = _RECORD_HEADER.unpack_from(content, place)
        place += _RECORD_HEADER.size
        parts += content[place : place + length]
        place += length
        if part in (_WHOLE, _LAST):
            yield parts
            parts = b""
