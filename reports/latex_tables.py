"""The tables of a run for a paper: comparison, exponents, accuracy and claims, a file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reports.accuracy.contests import Contest, contests
from reports.accuracy.summary import heading
from reports.accuracy.text import accuracy_table, length_table, paired_table
from reports.answers import answers
from reports.flags import Flags
from reports.latex import long_table, notes_on, tabular, write_latex
from reports.text_tables import TextTable, exponent_tables, workload_tables
from reports.verdict_tables import verdict_tables
from suites.results import Results

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement

_CLAIM_WIDTHS = {0: 0.29, 2: 0.2, 4: 0.27}
"""Shares of the text's width that sentences wrap at."""


def write_latex_tables(results: Results, judgements: Sequence[Judgement], folder: Path) -> list[Path]:
    """Write ``comparison.tex``, ``exponents.tex``, ``accuracy.tex`` and ``claims.tex``, those that have any rows."""
    group = answers(results)
    flags = Flags(group)
    among = contests(results, group)
    learnt = [table for contest in among for table in _of_contest(contest, heading(contest, among), flags)]
    growth = [_named(table) for table in exponent_tables(group, flags)]
    files = {"comparison": workload_tables(group, flags), "exponents": growth, "accuracy": learnt}
    written = {
        name: [tabular(table, f"tab:{name}-{number}", notes_on(table, flags)) for number, table in enumerate(tables, 1)]
        for name, tables in files.items()
    }
    written["claims"] = [
        long_table(table, f"tab:claims-{number}", _CLAIM_WIDTHS)
        for number, table in enumerate(verdict_tables(judgements), 1)
    ]
    return [write_latex(folder / f"{name}.tex", tables) for name, tables in written.items() if tables]


def _of_contest(contest: Contest, title: str, flags: Flags) -> list[TextTable]:
    tables = {
        f"Accuracy on {title}": accuracy_table(contest, flags),
        f"{title}: against the best": paired_table(contest),
        f"{title}: by test length": length_table(contest),
    }
    return [replace(table, title=name) for name, table in tables.items() if table]


def _named(table: TextTable) -> TextTable:
    return replace(table, title=f"Exponents in tokens ({table.title})" if table.title else "Exponents in tokens")
