"""``vio-bench claims``: a verdict on every promise of the documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli_app import OK, REFUTED, Json, print_json

if TYPE_CHECKING:
    from reports.claims.documents import Document
    from reports.claims.judgement import Judgement
    from suites.results import Results


def claims(
    folder: Annotated[
        list[Path], typer.Argument(help="A result folder; several are looked at as one.", show_default=False)
    ],
    file: Annotated[
        list[Path] | None, typer.Option("--claims", help="Judge the claims of this YAML file too; repeat for more.")
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="Exit with 3 where the claim of this id is refuted; repeat for more.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge every claim of the documents by a run: supported, refuted, inconclusive or untested, with effect and why.

    What is untested comes with the command that would test it. Exit codes: 0, or 3 where a required claim is refuted.
    """
    from baselines.registry import unknown_name
    from reports.claims.documents import load_documents
    from reports.claims.engine import judge_documents
    from reports.claims.judgement import plain

    documents = load_documents(file or ())
    ids = [claim.id for document in documents for claim in document.claims]
    for name in require or ():
        if name not in ids:
            raise unknown_name("claim", name, ids)
    results = _results(folder)
    check_users_documents(documents[len(documents) - len(file or ()) :], results)
    judgements = judge_documents(documents, results)
    refuted = [one.claim.id for one in judgements if one.claim.id in (require or ()) and one.verdict == "refuted"]
    code = REFUTED if refuted else OK
    if as_json:
        print_json({"claims": [plain(one) for one in judgements], "refuted": refuted, "exit_code": code})
    else:
        _show(judgements)
        for name in refuted:
            print(f"vio-bench: required claim '{name}' is refuted", file=sys.stderr)
    raise typer.Exit(code)


def check_users_documents(documents: Sequence[Document], results: Results) -> None:
    """Raise ``UsageError`` with file, line and column at the first metric or model that nobody knows."""
    if documents:
        from baselines import catalogue
        from reports.claims.names import check_names

        check_names(documents, results, catalogue.find)


def _results(folders: list[Path]) -> Results:
    from reports.merging.merge import merged
    from suites.results import read_results

    found = [read_results(folder) for folder in folders]
    for folder, results in zip(folders, found, strict=True):
        if results.torn_bytes:
            print(f"left out an unfinished last line of {results.torn_bytes} bytes in {folder}", file=sys.stderr)
    return merged(found) if len(found) > 1 else found[0]


def _show(judgements: list[Judgement]) -> None:
    from rich.console import Console

    from reports.claims.terminal import claim_tables, verdicts_in_short

    console = Console(width=None if sys.stdout.isatty() else 140)
    for table in claim_tables(judgements):
        console.print(table)
    print(f"of {len(judgements)} claims: {verdicts_in_short(judgements)}")
