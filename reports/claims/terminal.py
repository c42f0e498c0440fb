"""Verdicts in the terminal: a table a document, and what would test the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reports.claims.judgement import VERDICTS, Judgement
from reports.format import counted, listed, one_line, p_value

NO_COMMAND = "none"
"""The command of a claim that no run can test."""

_STYLES = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "untested": "dim"}


def verdicts_in_short(judgements: Sequence[Judgement]) -> str:
    """`12 supported, 3 refuted, 2 inconclusive and 31 untested`."""
    found = Counter(judgement.verdict for judgement in judgements)
    return listed([f"{found[verdict]} {verdict}" for verdict in VERDICTS if found[verdict]]) or "no claims"


def claim_tables(judgements: Sequence[Judgement]) -> list[RenderableType]:
    """A table a document with the claims that were tested; below it why the others were not, and what would."""
    documents: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        documents.setdefault(judgement.claim.document, []).append(judgement)
    return [_document(found) for found in documents.values()]


def _document(judgements: Sequence[Judgement]) -> RenderableType:
    heading = f"{judgements[0].claim.title}: {verdicts_in_short(judgements)}"
    tested = [judgement for judgement in judgements if judgement.verdict != "untested"]
    untested = [judgement for judgement in judgements if judgement.verdict == "untested"]
    parts: list[RenderableType] = [Text(one_line(heading), style="bold")]
    parts += [_table(tested)] if tested else []
    return Group(*parts, *_untested(untested), Text())


def _table(tested: Sequence[Judgement]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("claim", no_wrap=True)  # an id is copied from here
    table.add_column("verdict", no_wrap=True)
    table.add_column("effect, 95 % interval", overflow="fold", ratio=4)
    table.add_column("why", overflow="fold", ratio=4)
    for judgement in tested:
        row = [judgement.claim.id, judgement.verdict, judgement.effect, _why(judgement)]
        cells = [escape(one_line(text)) for text in row]
        table.add_row(cells[0], Text(cells[1], style=_STYLES[judgement.verdict]), *cells[2:])
    return table


def _why(judgement: Judgement) -> str:
    told = judgement.verdict in ("supported", "refuted") and judgement.p_holm is not None  # else it is in the reason
    p = f"p = {p_value(judgement.p_holm or 0.0)}, ".replace("= <", "<") if told else ""
    n = f"n = {judgement.n:,} {judgement.counted}" if judgement.n is not None else ""
    warned = f"; {counted(len(judgement.warnings), 'warning')}" if judgement.warnings else ""
    return f"{judgement.why} ({p}{n}{warned})"


def _untested(judgements: Sequence[Judgement]) -> list[Text]:
    """Each reason once, with its claims and the command that would test them, if there is one."""
    found: dict[tuple[str, str], list[str]] = {}
    for judgement in judgements:
        found.setdefault((judgement.why, judgement.claim.command), []).append(judgement.claim.id)
    return [
        Text(one_line(f"untested: {', '.join(ids)}: {why}{_to_test(command)}"), style="dim")
        for (why, command), ids in found.items()
    ]


def _to_test(command: str) -> str:
    return "" if command == NO_COMMAND else f"; to test: {command}"
