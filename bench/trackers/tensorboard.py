"""TensorBoard: a folder a training, in `tensorboard/` of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.tracking import TrackedTraining, scalars

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from suites.history import Epoch

_FOLDER = "tensorboard"


class TensorBoardTracker:
    """Writes event files, a curve a figure of the history; what the training came to is under `result`."""

    package = "tensorboard"

    _writer: SummaryWriter
    _step = 0

    def begin(self, training: TrackedTraining) -> None:
        """Open a new event file in place of earlier ones."""
        from torch.utils.tensorboard import SummaryWriter

        folder = training.folder / _FOLDER / training.name
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
        # purging makes a TensorBoard that is open meanwhile drop the points of the earlier file too
        self._writer = SummaryWriter(str(folder), purge_step=0)
        self._writer.add_text("cell", f"{training.label}\n\n```json\n{json.dumps(training.config, indent=2)}\n```", 0)

    def epoch(self, epoch: Epoch) -> None:
        """Add a point to each curve, on disk at once: a killed process would lose what waits."""
        for name, value in scalars(epoch).items():
            self._writer.add_scalar(name, value, epoch.step)
        self._step = epoch.step
        self._writer.flush()

    def end(self, summary: Mapping[str, float] | None) -> None:
        """Add what it came to, at the last step."""
        for name, value in (summary or {}).items():
            self._writer.add_scalar(f"result/{name}", value, self._step)
        self._writer.close()
