"""How training went: validation accuracy against epochs and time, and the losses beside it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.accuracy.contests import Contest, contests
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.format import counted, figure, listed
from reports.plots.histories import Training, training_of, without
from reports.plots.labels import draw_legend, wrapped
from reports.plots.looks import PAPER, Look, Plot, looks, slug, write_panels
from reports.plots.training_loss import draw_losses
from suites.history import Epoch
from suites.results import Results

_FEW = 30
"""Epochs up to which each has a marker."""


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
    plots = [draw_losses(contest, shown, missing, title, seen, folder / f"training-loss-{slug(title)}")]
    if any(epoch.validation_accuracy is not None for t in shown for epochs in t.seeds.values() for epoch in epochs):
        plots.insert(0, _accuracy(shown, missing, title, seen, folder / f"training-accuracy-{slug(title)}"))
    return plots


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
        draw_legend(panels[1], handles, [_spent(t) for t in shown], title=without(missing))

    name = f"Accuracy while learning ({title})"
    said = [f"{t.entrant.name} {100 * last:.1f} %" for t in shown if (last := _last(t.first)) is not None]
    alt = f"{name}, on the validation split by epoch and by seconds. At the end: {listed(said)}."
    names = [training.entrant.name for training in shown]
    return write_panels(path, name, alt, paint, columns=2, size=(11.0, 4.8), kind="training", shows=names)


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


def _last(epochs: Sequence[Epoch]) -> float | None:
    found = [epoch.validation_accuracy for epoch in epochs if epoch.validation_accuracy is not None]
    return found[-1] if found else None
