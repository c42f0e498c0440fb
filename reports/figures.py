"""Every figure of a run, each drawn once, under the heading where a report shows it."""

from __future__ import annotations

from pathlib import Path

from reports.accuracy.contests import contests
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.plots.accuracy import draw_accuracy
from reports.plots.confusion import draw_confusion
from reports.plots.looks import Plot, looks
from reports.plots.scaling import write_plots
from reports.plots.speedup import write_speedup_plots
from reports.plots.training import draw_training
from suites.results import Results

SCALING_PLOTS = "Scaling with sequence length"
"""The heading under which figures of growth stand beside the exponents."""
SPEED_UP, TRAINING, CONFUSION = "Speed-up", "Training", "Confusion"


def write_figures(results: Results, folder: Path) -> dict[str, list[Plot]]:
    """Draw all that the results have something for, as SVG and PNG into ``folder``; empty headings are left out.

    By heading: growth under ``SCALING_PLOTS``, accuracy under that of its contest, then heat maps, curves, confusion.
    """
    group = answers(results)
    among, seen = contests(results, group), looks(group)
    titled = [(contest, heading(contest, among)) for contest in among]
    found = {
        SCALING_PLOTS: write_plots(results, folder),
        **{title: draw_accuracy(contest, title, seen, folder) for contest, title in titled},
        SPEED_UP: write_speedup_plots(results, folder),
        TRAINING: [p for contest, title in titled for p in draw_training(results, contest, title, seen, folder)],
        CONFUSION: [p for contest, title in titled for p in draw_confusion(results, contest, title, folder)],
    }
    return {title: plots for title, plots in found.items() if plots}
