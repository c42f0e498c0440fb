"""Each model's loss on what it learns from beside that on what it does not, and the epoch that was kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.accuracy.contests import Contest
from reports.plots.histories import Training, without
from reports.plots.labels import wrapped
from reports.plots.looks import INK, Look, Plot, write_panels
from suites.history import Epoch


def draw_losses(
    contest: Contest,
    shown: Sequence[Training],
    missing: Sequence[str],
    title: str,
    seen: Mapping[str, Look],
    path: Path,
) -> Plot:
    """A panel a model; ``missing`` are the models without a history, ``title`` is that of the contest."""
    rows = math.ceil(len(shown) / 4)
    columns = math.ceil(len(shown) / rows)

    def paint(panels: Sequence[Axes]) -> None:
        for axes, training in zip(panels, shown, strict=False):
            _panel(axes, training, seen[training.entrant.name])
            axes.sharey(panels[0])
            axes.sharex(panels[0])
        panels[0].set_ylim(bottom=0)
        for index, axes in enumerate(panels):
            axes.set_axis_on() if index < len(shown) else axes.set_axis_off()
            axes.tick_params(labelleft=index % columns == 0)
            if index + columns >= len(shown):
                axes.set_xlabel("epoch")
            if index % columns == 0:
                axes.set_ylabel("loss, nats")
        _explain(panels[0], contest, shown, missing)

    name = f"Loss while learning ({title})"
    said = [f"{t.entrant.name} {_ends(t.first)}" for t in shown]
    alt = f"{name}, a panel a model. From the first epoch to the last: {'; '.join(said)}."
    size = (max(7.0, 0.8 + 2.6 * columns), 1.4 + 2.3 * rows)
    names = [training.entrant.name for training in shown]
    return write_panels(
        path, name, alt, paint, rows=rows, columns=columns, size=size, kind="training", shows=names
    )  # fmt: skip


def _panel(axes: Axes, training: Training, look: Look) -> None:
    """Both losses of the first seed, and a ring at the epoch whose weights were kept."""
    epochs = training.first
    axes.plot([e.epoch for e in epochs], [e.loss for e in epochs], color=look.colour, linestyle=(0, (3, 2)))
    judged = [(e.epoch, e.validation_loss) for e in epochs if e.validation_loss is not None]
    if judged:
        axes.plot([epoch for epoch, _ in judged], [loss for _, loss in judged], color=look.colour)
        kept, least = min(judged, key=lambda point: point[1])
        axes.plot(
            [kept], [least], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=INK, linestyle="none"
        )
    axes.set_title(wrapped(training.entrant.name, 28, 2))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _explain(axes: Axes, contest: Contest, shown: Sequence[Training], missing: Sequence[str]) -> None:
    """What the lines are, below all panels."""
    smoothing, mixup = contest.workload.recipe.label_smoothing, contest.workload.recipe.mixup
    trained = "training, augmented as the task allows" if contest.workload.recipe.augment else "training"
    trained += f", labels smoothed by {smoothing:g}" if smoothing else ""
    trained += ", mixed up" if mixup else ""
    entries: list[tuple[Any, str]] = [(Line2D([], [], color=INK, linestyle=(0, (3, 2))), trained)]
    if any(epoch.validation_loss is not None for training in shown for epoch in training.first):
        entries += [
            (Line2D([], [], color=INK), "validation"),
            (Line2D([], [], color=INK, marker="o", markersize=8, markerfacecolor="none", linestyle="none"), "kept"),
        ]
    several = [t for t in shown if len(t.seeds) > 1]
    remarks = [f"seed {next(iter(several[0].seeds))} of each"] if several else []
    remarks += [without(missing)] if missing else []
    figure_ = axes.get_figure()
    assert figure_ is not None
    figure_.legend(
        [handle for handle, _ in entries],
        [text for _, text in entries],
        loc="outside lower left",
        ncols=len(entries),
        frameon=False,
        fontsize=8,
        title="; ".join(remarks) or None,
        title_fontsize=8,
        alignment="left",
    )


def _ends(epochs: Sequence[Epoch]) -> str:
    said = f"training {epochs[0].loss:.2f} to {epochs[-1].loss:.2f}"
    judged = [epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None]
    return said + (f", validation {judged[0]:.2f} to {judged[-1]:.2f}" if judged else "")
