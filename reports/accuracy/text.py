"""What the report says of accuracy: a table a contest, one of test lengths and one of paired tests."""

from __future__ import annotations

from collections.abc import Sequence

from reports.accuracy.contests import Comparison, Contest, Verdict
from reports.accuracy.entrants import Entrant, Typical
from reports.accuracy.seeds import Share
from reports.answers import Answer
from reports.flags import Flags
from reports.format import digits, figure, listed, p_value, points, share, signed
from reports.metrics import SHARES, label
from reports.text_tables import ABSENT, TextTable
from suites.record import Status
from suites.task_axes import SimpleModel

_BESIDE = ("macro_f1", "calibration_error", "params", "macs", "latency", "train_time")
_SAID: dict[Verdict | None, str] = {"yes": "yes", "no": "no, below", "open": "not shown", None: ABSENT}


def accuracy_table(contest: Contest, flags: Flags) -> TextTable:
    """One row an entrant, best first, the simple baseline among them at its place."""
    entrants = contest.entrants
    shares = [metric for metric in SHARES if any(e.share(metric) for e in entrants)]
    beside = [metric for metric in _BESIDE if any(e.typical(metric) for e in entrants)]
    rows = [(e.accuracy.value if e.accuracy else -1.0, _row(contest, e, shares, beside, flags)) for e in entrants]
    if contest.card:
        others = len(shares) + len(beside)
        for kind, simple in contest.card.simple.items():
            rows.append((simple.accuracy, _simple_row(kind, simple, contest.card.test, others)))
    rows.sort(key=lambda row: -row[0])  # stable: the plan's order among equals
    columns = [
        "model",
        "accuracy",
        "p against best",
        "beats baseline",
        "seeds",
        "n",
        *map(label, [*shares, *beside]),
        "learning rate",
        "status",
    ]
    table = TextTable("", columns, [row for _, row in rows], _caption(contest))
    if len(contest.workload.recipe.lr_grid) == 1:
        table = _without(table, "learning rate")
    return table if any(row[-1] for row in table.rows) else _without(table, "status")


def _row(contest: Contest, entrant: Entrant, shares: Sequence[str], beside: Sequence[str], flags: Flags) -> list[str]:
    found, asked = entrant.accuracy, len(entrant.cells)
    seeds = f"{found.seeds if found else 0} of {asked}" if not found or found.seeds < asked else str(asked)
    return [
        entrant.name + _marks(entrant, "*", flags),
        _share(found) + _marks(entrant, "accuracy", flags),
        _against_best(contest, entrant),
        _SAID[contest.beats_baseline(entrant)],
        seeds,
        f"{found.examples:,}" if found else ABSENT,
        *(_share(entrant.share(metric)) for metric in shares),
        *(_typical(entrant.typical(metric)) + _marks(entrant, metric, flags) for metric in beside),
        _rates(entrant),
        _statuses(entrant.cells),
    ]


def _simple_row(kind: str, simple: SimpleModel, examples: int, others: int) -> list[str]:
    accuracy = f"{100 * simple.accuracy:.1f} %"
    return [f"{kind}: {simple.name}", accuracy, *[ABSENT] * 3, f"{examples:,}", *[ABSENT] * (others + 1), ""]


def _against_best(contest: Contest, entrant: Entrant) -> str:
    pair = contest.against_best(entrant)
    return "best" if entrant is contest.best else p_value(pair.p_holm) if pair else ABSENT


def _share(found: Share | None) -> str:
    return share(found.value, found.low, found.high) if found else ABSENT


def _typical(found: Typical | None) -> str:
    """A figure beside accuracy; a share such as F1 keeps its digits."""
    if found is None:
        return ABSENT
    return digits(found.value) if found.unit == "1" and found.value < 1 else figure(found.value, found.unit)


def _marks(entrant: Entrant, metric: str, flags: Flags) -> str:
    marks = dict.fromkeys(mark for cell in entrant.cells for mark in flags.marks(cell, metric).split())
    return "".join(f" {mark}" for mark in marks)


def _statuses(cells: Sequence[Answer]) -> str:
    """Empty where all ended ok; `timeout`, or `ok, missing` where seeds differ."""
    found = list(dict.fromkeys(cell.status for cell in cells))
    return "" if found == [Status.OK.value] else ", ".join(found)


def _rates(entrant: Entrant) -> str:
    """The rates chosen, one a seed where they differ."""
    chosen = dict.fromkeys(c.figures["learning_rate"].value for c in entrant.cells if "learning_rate" in c.figures)
    return ", ".join(f"{rate:g}" for rate in chosen) or ABSENT


def _without(table: TextTable, column: str) -> TextTable:
    index = table.columns.index(column)
    kept = [[text for place, text in enumerate(row) if place != index] for row in (table.columns, *table.rows)]
    return TextTable(table.title, kept[0], kept[1:], table.caption)


def _caption(contest: Contest) -> str:
    said = ["In brackets: 95 % interval over seeds and test examples."]
    scored = [entrant.accuracy for entrant in contest.entrants if entrant.accuracy]
    if any(accuracy.seeds == 1 for accuracy in scored):
        said.append("With one seed it is over examples alone: a single seed says nothing of what another would give.")
    if any(len(entrant.cells) > 1 for entrant in contest.entrants):
        said.append("All other figures are the median over seeds.")
    if contest.card:
        said.append("A model beats the baseline where its whole interval lies above the baseline's accuracy.")
    if contest.card and contest.card.shortcut:
        said.append("A shortcut doesn't look at the content: a model that is no better may have learnt no more.")
    classes = dict.fromkeys(entrant.cells[0].planned.size_class or "none" for entrant in contest.entrants)
    if len(classes) > 1:
        said.append(f"Not all of one size class ({listed(list(classes))}): compare params too.")
    return " ".join(said)


def length_table(contest: Contest) -> TextTable | None:
    """Accuracy by test length, a column each; None where only one was tested."""
    if len(contest.lengths) < 2:
        return None
    trained = contest.workload.input_size
    columns = [f"{length:,}" + (" (trained)" if length == trained else "") for length in contest.lengths]
    rows = [[entrant.name, *(_share(entrant.at(length)) for length in contest.lengths)] for entrant in contest.entrants]
    return TextTable("", ["model", *columns], rows)


def paired_table(contest: Contest) -> TextTable | None:
    """Each entrant against the best; None where nothing can be compared."""
    pairs = [pair for entrant in contest.entrants if (pair := contest.against_best(entrant))]
    if not pairs:
        return None
    several = any(len(pair.paired.by_seed) > 1 for pair in pairs)
    counts = ["it better", "the best better"] if _by_place(contest) else ["only it right", "only the best right"]
    columns = ["model", "difference in points", "p", *counts, "told apart"]
    columns += ["difference by seed"] * several
    rows = [_pair_row(pair, several) for pair in sorted(pairs, key=lambda pair: -pair.paired.difference)]
    return TextTable("", columns, rows, _paired_caption(contest, pairs, several))


def _paired_caption(contest: Contest, pairs: Sequence[Comparison], several: bool) -> str:
    paired = [pair.paired for pair in pairs]
    tests = listed([_TESTS[test] for test in dict.fromkeys(found.test for found in paired)])
    said = [f"Against {pairs[0].second.name}, the best here, on the same {paired[0].examples:,} examples: {tests}."]
    if _by_place(contest):
        said.append("A sequence counts by its share of right places; the columns count those with more of them right.")
    if len(contest.comparisons) > 1:
        said.append(
            f"p after Holm over all {len(contest.comparisons)} pairs of models, since the best is chosen by these data;"
        )
        said.append("each interval is for its comparison alone.")
    if several:
        said.append("Counts are summed over seeds; the test is not, and it adds the variance between them.")
    return " ".join(said)


_TESTS = {
    "none": "p is 1 where two never differ",
    "exact": "exact McNemar test",
    "chi-square": "McNemar test with continuity correction",
    "clustered": "McNemar test clustered by example",
}


def _by_place(contest: Contest) -> bool:
    """Whether each place of a sequence has a label."""
    return any(entrant.share("accuracy_whole") for entrant in contest.entrants)


def _pair_row(pair: Comparison, several: bool) -> list[str]:
    paired = pair.paired
    row = [
        pair.first.name,
        points(paired.difference, paired.low, paired.high),
        p_value(pair.p_holm),
        f"{paired.first_only:,}",
        f"{paired.second_only:,}",
        "yes" if pair.told_apart else "no",
    ]
    return row + ([", ".join(signed(100 * difference, 1) for difference in paired.by_seed)] if several else [])
