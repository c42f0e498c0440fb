"""What a run says of accuracy in a sentence a task, and never more than its tests and intervals do."""

from __future__ import annotations

from collections.abc import Sequence

from reports.accuracy.contests import Contest
from reports.accuracy.entrants import Entrant
from reports.format import listed, share


def heading(contest: Contest, among: Sequence[Contest]) -> str:
    """The task and its size; the setting too where another contest has the same."""
    title = ", ".join(contest.workload.title)
    alike = [other for other in among if other.workload.title == contest.workload.title]
    return f"{title} ({contest.setting})" if len(alike) > 1 else title


def accuracy_summary(among: Sequence[Contest]) -> list[str]:
    """Who is most accurate, who can't be told from it, and who is not shown to beat the simple baseline,
    or what can be told without the content."""
    return [_sentence(contest, heading(contest, among)) for contest in among]


def _sentence(contest: Contest, title: str) -> str:
    scored = [entrant for entrant in contest.entrants if entrant.accuracy]
    if not scored:
        return f"Nothing was scored on {title}."
    said = [_leader(contest, scored, title), _against_baseline(contest, scored), _against_shortcut(contest, scored)]
    missing = [entrant.name for entrant in contest.entrants if not entrant.accuracy]
    said.append(f"no accuracy of {listed(missing)}" if missing else "")
    return "; ".join(filter(None, said)) + "."


def _leader(contest: Contest, scored: Sequence[Entrant], title: str) -> str:
    best = contest.best
    assert best and best.accuracy
    seeds = "one seed" if best.accuracy.seeds == 1 else f"mean of {best.accuracy.seeds} seeds"
    reached = f"{share(best.accuracy.value, best.accuracy.low, best.accuracy.high)}, {seeds}"
    if len(scored) == 1:
        return f"On {title} {best.name} reaches {reached}"
    pairs = {entrant.name: contest.against_best(entrant) for entrant in scored if entrant is not best}
    level = [name for name, pair in pairs.items() if pair and not pair.told_apart]
    untested = [name for name, pair in pairs.items() if pair is None]
    if not level and not untested:
        return f"On {title} {best.name} is the most accurate: {reached}"
    said = [f"On {title} {best.name} has the highest accuracy, {reached}"]
    said += [f"the paired test can't tell {listed(level)} from it"] if level else []
    said += [f"no paired test with {listed(untested)}"] if untested else []
    return "; ".join(said)


def _against_baseline(contest: Contest, scored: Sequence[Entrant]) -> str:
    if contest.card is None:
        return ""
    baseline = f"the baseline ({contest.card.baseline}, {100 * contest.card.baseline_accuracy:.1f} %)"
    short = [entrant.name for entrant in scored if contest.beats_baseline(entrant) != "yes"]
    if short:
        return f"not shown to beat {baseline}: {listed(short)}"
    who = {1: "it beats", 2: "both beat"}.get(len(scored), f"all {len(scored)} beat")
    return f"{who} {baseline}"


def _against_shortcut(contest: Contest, scored: Sequence[Entrant]) -> str:
    """A warning: who may have learnt no more than what can be told without the content."""
    shortcut = contest.card.shortcut if contest.card else None
    short = [entrant.name for entrant in scored if contest.beats_shortcut(entrant) not in ("yes", None)]
    if not short or shortcut is None:
        return ""
    return f"not shown to beat what {shortcut.name} tells ({100 * shortcut.accuracy:.1f} %): {listed(short)}"
