"""How accurate each model is on each task, against the task's simple baseline and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from baselines.errors import UsageError
from reports.accuracy.entrants import Entrant, task_of
from reports.accuracy.mcnemar import Paired, compare, holm
from reports.answers import Answer
from reports.metrics import AT_LENGTH
from suites.estimate import CONFIDENCE, Estimate
from suites.predictions import Predictions, load_predictions, predictions_file
from suites.results import Results
from suites.task_axes import TaskCard
from suites.task_workload import TaskWorkload

Verdict = Literal["yes", "no", "open"]
"""Whether a model beats the baseline, or a shortcut: the interval lies above it, below it, or holds it."""


@dataclass(frozen=True)
class Comparison:
    """Two entrants on the same test examples."""

    first: Entrant
    second: Entrant
    paired: Paired
    p_holm: float
    """Adjusted over all pairs of the contest, since the best is itself chosen by these data."""

    @property
    def told_apart(self) -> bool:
        """Whether the paired test excludes that both are equally accurate."""
        return self.p_holm < 1 - CONFIDENCE


@dataclass(frozen=True)
class Contest:
    """All that learnt one task at one size in one setting."""

    workload: TaskWorkload
    setting: str
    card: TaskCard | None
    """What the plan says of the data."""
    entrants: list[Entrant]
    comparisons: list[Comparison]
    """Every pair of entrants whose answers to the test examples can be compared, in order."""
    problems: list[str]
    """Why some can't be."""

    @property
    def best(self) -> Entrant | None:
        """The highest mean accuracy, of equal ones the first; None where none was scored."""
        scored = [(entrant.accuracy.value, entrant) for entrant in self.entrants if entrant.accuracy]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None

    @property
    def lengths(self) -> list[int]:
        """Test lengths that some entrant has a figure for, ascending."""
        asked = {self.workload.input_size, *self.workload.test_sizes}
        return sorted(length for length in asked if any(entrant.at(length) for entrant in self.entrants))

    def against_best(self, entrant: Entrant) -> Comparison | None:
        """An entrant (first) against the best (second); None for the best itself and where no test can be made."""
        for found in self.comparisons:
            if found.first is entrant and found.second is self.best:
                return found
            if found.second is entrant and found.first is self.best:
                return Comparison(entrant, found.first, found.paired.reversed, found.p_holm)
        return None

    def beats_baseline(self, entrant: Entrant) -> Verdict | None:
        """None without an accuracy or a baseline."""
        return _beats(entrant, self.card.baseline_accuracy) if self.card else None

    def beats_shortcut(self, entrant: Entrant) -> Verdict | None:
        """The same of what can be told without the content; None where no such thing was tried."""
        return _beats(entrant, self.card.shortcut.accuracy) if self.card and self.card.shortcut else None


def _beats(entrant: Entrant, accuracy: float) -> Verdict | None:
    if entrant.accuracy is None:
        return None
    if entrant.accuracy.low > accuracy:
        return "yes"
    return "no" if entrant.accuracy.high < accuracy else "open"


def contests(results: Results, group: Sequence[Answer]) -> list[Contest]:
    """One a task, size and setting, in the plan's order; none for a run that learns nothing."""
    grouped: dict[tuple[str, str], list[Answer]] = {}
    for answer in group:
        if isinstance(answer.cell.workload, TaskWorkload):
            grouped.setdefault((answer.setting, answer.size), []).append(answer)
    return [_contest(results, cells) for cells in grouped.values()]


def _contest(results: Results, cells: Sequence[Answer]) -> Contest:
    by_name: dict[str, list[Answer]] = {}
    for cell in cells:
        by_name.setdefault(cell.entrant, []).append(cell)
    entrants = [Entrant(name, own) for name, own in by_name.items()]
    workload = task_of(cells[0])
    cards = [c for c in results.plan.tasks if (c.task, c.input_size) == (workload.task, workload.input_size)]
    compared, problems = _comparisons(results, entrants)
    return Contest(workload, cells[0].setting, cards[0] if cards else None, entrants, compared, problems)


def _comparisons(results: Results, entrants: Sequence[Entrant]) -> tuple[list[Comparison], list[str]]:
    """Every pair, tested over the seeds that both have, and what stood in the way."""
    problems: list[str] = []
    answers = {entrant.name: predictions(results, entrant, problems) for entrant in entrants}
    found = []
    for first, second in combinations(entrants, 2):
        seeds = [seed for seed in answers[first.name] if seed in answers[second.name]]
        if not seeds:
            continue
        one, other = ([answers[entrant.name][seed] for seed in seeds] for entrant in (first, second))
        try:
            found.append((first, second, compare(one, other)))
        except UsageError as error:
            problems.append(f"{first.name} and {second.name}: {error}")
    adjusted = holm([paired.p for _, _, paired in found])
    return [Comparison(*pair, p) for pair, p in zip(found, adjusted, strict=True)], problems


def predictions(
    results: Results, entrant: Entrant, problems: list[str], length: int | None = None
) -> dict[int, Predictions]:
    """What each scored seed answered to the test examples, by seed; why it can't be said goes to ``problems``.

    Examples of the length that was trained on, where no other is asked for.
    """
    found = {}
    metric = "accuracy" if length is None else f"{AT_LENGTH}{length}"
    for answer in entrant.scored:
        if answer.record is None or metric not in answer.figures:
            continue
        file = predictions_file(results.kept(answer.record), length or task_of(answer).input_size)
        try:
            answered = load_predictions(file)
        except UsageError:
            problems.append(f"{answer.series}: its answers to the test examples are not there, or can't be read")
            continue
        if _belongs(answered, answer.figures[metric]):
            found[answer.cell.seed] = answered
        else:
            problems.append(f"{answer.series}: the answers that were kept are not those of its record; run it again")
    return found


def _belongs(answered: Predictions, told: Estimate) -> bool:
    """Whether the kept answers have the form, the number and the share of right ones that the record says."""
    shapes = {values.shape for values in vars(answered).values()}
    if len(shapes) > 1 or len(answered.labels) == 0:
        return False
    return len(answered.whole) == told.n and abs(answered.accuracy - told.value) < 1e-6
