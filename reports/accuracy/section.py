"""The report's section on what was learnt: a heading a contest with its tables, figures and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.accuracy.contests import Contest, contests
from reports.accuracy.summary import heading
from reports.accuracy.text import accuracy_table, length_table, paired_table
from reports.answers import Answer
from reports.flags import Flags
from reports.text_tables import TextTable
from suites.recipe import Recipe
from suites.results import Results
from suites.task_axes import TaskCard

if TYPE_CHECKING:
    from reports.plots.looks import Plot


@dataclass(frozen=True)
class Section:
    """One contest as the report shows it; all texts still to be escaped."""

    title: str
    about: str
    """What the task asks; empty where the plan does not say."""
    table: TextTable
    paired: TextTable | None
    lengths: TextTable | None
    problems: list[str]
    """Why some models have no paired test."""
    plots: list[tuple[Plot, str]]
    """Each with its source as a link."""
    data: list[str]
    """What is known of the data, a sentence each."""


def accuracy_sections(
    results: Results, group: Sequence[Answer], flags: Flags, plots: Mapping[str, Sequence[Plot]], folder: Path
) -> list[Section]:
    """A section a contest; ``plots`` by heading, linked relative to ``folder``."""
    among = contests(results, group)
    return [_section(contest, heading(contest, among), flags, plots, folder) for contest in among]


def _section(contest: Contest, title: str, flags: Flags, plots: Mapping[str, Sequence[Plot]], folder: Path) -> Section:
    return Section(
        title,
        _sentence(contest.card.about[:1].upper() + contest.card.about[1:]) if contest.card else "",
        accuracy_table(contest, flags),
        paired_table(contest),
        length_table(contest),
        contest.problems,
        [(plot, plot.svg.relative_to(folder).as_posix()) for plot in plots.get(title, ())],
        _data(contest.card) if contest.card else [],
    )


def _data(card: TaskCard) -> list[str]:
    return [
        f"Examples: {card.train:,} to train, {card.validation:,} to choose the learning rate and the epoch on, "
        f"{card.test:,} to test. Split: {_sentence(card.split)}",
        f"Leaks: {_sentence(card.leaks)}",
        *(f"Found while loading: {_sentence(note)}" for note in card.notes),
        f"Licence: {_sentence(card.licence)}",
        *(
            f"{kind.capitalize()}: {simple.name}, {100 * simple.accuracy:.1f} %: {_sentence(simple.source)}"
            for kind, simple in card.simple.items()
        ),
    ]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def recipe_in_words(recipe: Recipe) -> str:
    """How every model of a suite is trained, in one sentence."""
    budget = next(
        said
        for value, said in (
            (recipe.epochs, f"{recipe.epochs} epochs"),
            (recipe.steps, f"{recipe.steps} steps"),
            (recipe.time_budget_s, f"{recipe.time_budget_s or 0:g} s, the sweep included"),
        )
        if value is not None
    )
    rates = ", ".join(f"{rate:g}" for rate in recipe.lr_grid)
    chosen = f"the best of the learning rates {rates}" if len(recipe.lr_grid) > 1 else f"a learning rate of {rates}"
    parts = [
        f"weight decay {recipe.weight_decay:g}",
        f"label smoothing {recipe.label_smoothing:g}",
        f"gradients clipped at {recipe.clip:g}" if recipe.clip is not None else "gradients not clipped",
        f"a moving average of the weights (decay {recipe.ema_decay:g})" if recipe.ema_decay is not None else "",
        f"mixup {recipe.mixup:g}" if recipe.mixup is not None else "",
        "augmented as the task allows" if recipe.augment else "not augmented",
        recipe.precision,
    ]
    return (
        f"AdamW for {budget} in batches of {recipe.batch}, {chosen}, cosine after a warm-up of "
        f"{100 * recipe.warmup:g} %, {', '.join(filter(None, parts))}"
    )
