"""How training went: validation accuracy against epochs and time, and each model's loss on what it learns from beside
that on what it does not."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.accuracy import Contest, contests
from reports.accuracy_summary import heading
from reports.answers import answers
from reports.entrants import Entrant
from reports.format import counted, figure, listed
from reports.labels import draw_legend, shortened, wrapped
from reports.looks import INK, PAPER, Look, Plot, looks, slug, write_panels
from suites.history import Epoch, read_history
from suites.results import Results
from suites.tasks.errors import DataError

_FEW = 30
"""Epochs up to which each has a marker."""


@dataclass(frozen=True)
class Training:
    """What is known of how one entrant learnt."""

    entrant: Entrant
    seeds: dict[int, tuple[Epoch, ...]]
    """By seed; those that have at least one whole epoch."""

    @property
    def first(self) -> tuple[Epoch, ...]:
        """The history of the first seed."""
        return next(iter(self.seeds.values()))


def write_training_plots(results: Results, folder: Path) -> list[Plot]:
    """Two figures a contest; none where no cell has kept its history."""
    group = answers(results)
    among, seen = contests(results, group), looks(group)
    return [
        plot for contest in among for plot in draw_training(results, contest, heading(contest, among), seen, folder)
    ]


def draw_training(results: Results, contest: Contest, title: str, seen: Mapping[str, Look], folder: Path) -> list[Plot]:
    """One contest: the validation accuracy of all its models, and a panel a model with both losses."""
    every = [training_of(results, entrant) for entrant in contest.entrants]
    shown = [training for training in every if training.seeds]
    missing = [training.entrant.name for training in every if not training.seeds]
    if not shown:
        return []
    plots = [_losses(contest, shown, missing, title, seen, folder / f"training-loss-{slug(title)}")]
    if any(epoch.validation_accuracy is not None for t in shown for epochs in t.seeds.values() for epoch in epochs):
        plots.insert(0, _accuracy(shown, missing, title, seen, folder / f"training-accuracy-{slug(title)}"))
    return plots


def training_of(results: Results, entrant: Entrant) -> Training:
    """The histories of an entrant's seeds, those that are there and can be read."""
    seeds = {}
    for cell in entrant.cells:
        try:
            epochs = read_history(results.kept(cell.record)) if cell.record else ()
        except DataError:
            continue
        if epochs:
            seeds[cell.cell.seed] = epochs
    return Training(entrant, seeds)


def _accuracy(
    shown: Sequence[Training], missing: Sequence[str], title: str, seen: Mapping[str, Look], path: Path
) -> Plot:
    def paint(panels: Sequence[Axes]) -> None:
        for axes, what in zip(panels, ("epoch", "seconds"), strict=True):
            for training in shown:
                for epochs in training.seeds.values():
                    points = [(getattr(e, what), e.validation_accuracy) for e in epochs]
                    _curve(axes, points, seen[training.entrant.name], marked=len(epochs) <= _FEW)
            axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=what == "epoch"))
        panels[0].set_ylabel("accuracy on the validation split")
        panels[0].set_xlabel("epoch")
        panels[1].set_xlabel("seconds of training, evaluation apart")
        panels[1].sharey(panels[0])
        panels[1].tick_params(labelleft=False)
        handles = [_handle(seen[training.entrant.name]) for training in shown]
        draw_legend(panels[1], handles, [_spent(t) for t in shown], title=_without(missing))

    name = f"Accuracy while learning ({title})"
    said = [f"{t.entrant.name} {100 * last:.1f} %" for t in shown if (last := _last(t.first)) is not None]
    alt = f"{name}, on the validation split by epoch and by seconds. At the end: {listed(said)}."
    names = [training.entrant.name for training in shown]
    return write_panels(path, name, alt, paint, columns=2, size=(11.0, 4.8), kind="training", shows=names)


def _losses(
    contest: Contest,
    shown: Sequence[Training],
    missing: Sequence[str],
    title: str,
    seen: Mapping[str, Look],
    path: Path,
) -> Plot:
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
    remarks += [_without(missing)] if missing else []
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


def _curve(axes: Axes, points: Sequence[tuple[float, float | None]], look: Look, *, marked: bool) -> None:
    kept = [(x, y) for x, y in points if y is not None]
    axes.plot(
        [x for x, _ in kept],
        [y for _, y in kept],
        color=look.colour,
        linestyle=look.dashes,
        linewidth=1.5,
        marker=look.marker if marked else "",
        markersize=5,
        markeredgecolor=PAPER,
        markeredgewidth=0.5,
    )


def _handle(look: Look) -> Line2D:
    return Line2D(
        [], [], color=look.colour, linestyle=look.dashes, marker=look.marker, markersize=6, markeredgecolor=PAPER
    )


def _spent(training: Training) -> str:
    """An entry of the legend: the name, and how much training it took."""
    ends = [epochs[-1] for epochs in training.seeds.values()]
    time = figure(statistics.median(end.seconds for end in ends), "s")
    said = f"{counted(ends[0].epoch, 'epoch')}, {time}"
    said += f", median of {len(ends)} seeds" if len(ends) > 1 else ""
    return f"{wrapped(training.entrant.name, 28)}\n{said}"


def _without(missing: Sequence[str]) -> str:
    return f"no history of {listed([shortened(name, 30) for name in missing])}" if missing else ""


def _last(epochs: Sequence[Epoch]) -> float | None:
    found = [epoch.validation_accuracy for epoch in epochs if epoch.validation_accuracy is not None]
    return found[-1] if found else None


def _ends(epochs: Sequence[Epoch]) -> str:
    said = f"training {epochs[0].loss:.2f} to {epochs[-1].loss:.2f}"
    judged = [epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None]
    return said + (f", validation {judged[0]:.2f} to {judged[-1]:.2f}" if judged else "")
