"""Writing how a training run goes: one JSON line an epoch (`suites.history` has its form and its reader)."""

from __future__ import annotations

import os
from pathlib import Path

from bench.training.files import replace, writing
from suites.history import HISTORY, Epoch, read_history


def append(folder: Path, epoch: Epoch) -> None:
    """Add one line and wait until it is on disk."""
    path = folder / HISTORY
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(epoch.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def rewind(folder: Path, step: int) -> None:
    """Forget what came after a step, as a run does that goes on from there."""
    if (folder / HISTORY).exists():
        kept = (epoch.model_dump_json().encode() + b"\n" for epoch in read_history(folder) if epoch.step <= step)
        replace(folder / HISTORY, b"".join(kept))
