"""Weights & Biases: a run a training, in `wandb/` of the run's folder. Offline, unless WANDB_MODE=online is set.

W&B writes through a helper process, which listens on a socket of this machine only (since 0.20 a Unix one) and ends
with the process that started it. `wandb sync` sends an offline run whenever its user wants; sent again after a resume
it takes the place of what was sent before.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.tracking import TrackedTraining, scalars

if TYPE_CHECKING:
    import wandb

    from suites.history import Epoch

_PROJECT = "vio-bench"


class WandbTracker:
    """Writes one W&B run a training, always of the same id: the benchmark run's and the cell's."""

    package = "wandb"

    _run: wandb.Run

    def begin(self, training: TrackedTraining) -> None:
        """Start the run anew, or online go on with it."""
        online = os.environ.get("WANDB_MODE") == "online"
        if not online:
            os.environ["WANDB_ERROR_REPORTING"] = "false"  # its own crash reports would go out even so
        import wandb

        run = f"{training.run}-{training.identity}"
        for earlier in (training.folder / "wandb").glob(f"offline-run-*-{run}"):
            shutil.rmtree(earlier)
        training.folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            dir=str(training.folder.resolve()),
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            group=training.run,
            id=run,
            name=training.name,
            config=dict(training.config),
            mode="online" if online else "offline",
            resume="allow" if online else None,
            settings=_quiet(),
        )

    def epoch(self, epoch: Epoch) -> None:
        """Log its figures at its step, unless an online run has that step since an earlier start."""
        if epoch.step >= self._run.starting_step:
            self._run.log(scalars(epoch), step=epoch.step, commit=True)

    def end(self, summary: Mapping[str, float] | None) -> None:
        """Note what it came to, and end the run and the helper process."""
        import wandb

        self._run.summary.update(dict(summary or {}))
        self._run.finish(exit_code=1 if summary is None else 0)
        wandb.teardown()


def _quiet() -> wandb.Settings:
    """Nothing beside what is logged: no console, code, git or machine, and no sampling beside a training."""
    import wandb

    return wandb.Settings(
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        symlink=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
