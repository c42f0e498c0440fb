"""``vio-bench report`` and ``vio-bench merge``: what is made of finished runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli_app import Json, print_json
from bench.cli_claims import check_users_documents

if TYPE_CHECKING:
    from suites.results import Results


def report(
    folder: Annotated[Path, typer.Argument(help="A result folder.", show_default=False)],
    formats: Annotated[
        str, typer.Option("--format", help="Any of md, html, csv, latex, parquet, joined by commas.")
    ] = "md,html,csv",
    claims: Annotated[
        list[Path] | None, typer.Option(help="Judge the claims of this YAML file too; repeat for more.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Show report.html in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Make the report again from the records alone, and show the closing tables.

    The same records give the same bytes.
    """
    import reports
    from reports.claims.documents import load_documents
    from suites.results import read_results

    names = [name.strip() for name in formats.split(",") if name.strip()]
    if show:
        names.append("html")
    results = read_results(folder)
    check_users_documents(load_documents(claims)[-len(claims) :] if claims else [], results)
    path = reports.write_report(folder, names, claims or ())
    if results.torn_bytes:
        print(f"left out an unfinished last line of {results.torn_bytes} bytes in records.jsonl", file=sys.stderr)
    if as_json:
        print_json({"folder": str(folder), "report": str(path), "formats": list(dict.fromkeys(names))})
    else:
        show_closing_tables(results)
        print(f"report: {path}")
    if show:
        _open(folder / "report.html")


def show_closing_tables(results: Results) -> None:
    """Print what a run found, as wide as the terminal is."""
    from rich.console import Console

    from reports.terminal import closing_tables

    console = Console(width=None if sys.stdout.isatty() else 110)
    for table in closing_tables(results, console.width):
        console.print(table)


def _open(page: Path) -> None:
    import webbrowser

    if webbrowser.open(page.resolve().as_uri()):
        print(f"opened {page}", file=sys.stderr)
    else:
        print(f"no browser found here; open {page} in one", file=sys.stderr)


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Result folders, merged ones too.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Join runs of several machines or suites into one result folder.

    Figures of different machines are never compared with each other. Runs of a cell on one machine must agree.
    """
    from reports.merging.folder import write_merged
    from suites.results import read_results

    for folder in folders:
        torn = read_results(folder).torn_bytes
        if torn:
            print(f"left out an unfinished last line of {torn} bytes in {folder / 'records.jsonl'}", file=sys.stderr)
    results = write_merged(folders, out)
    plan, machines = results.plan, results.environment.machines
    if as_json:
        runs = [part.run for part in plan.merged]
        print_json({"folder": str(out), "runs": runs, "cells": len(plan.cells), "machines": list(machines)})
        return
    found = {"run": len(plan.merged), "cell": len(plan.cells), "record": len(results.records), "machine": len(machines)}
    said = ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in found.items())
    print(f"merged {said} into {out}; see them with: vio-bench report {out}")
