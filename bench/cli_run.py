"""``vio-bench run``: measure a suite, resumably, then report."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bench.cli_app import FAILED, INCONCLUSIVE, INTERRUPTED, OK, Json, print_json
from bench.cli_reports import show_closing_tables

if TYPE_CHECKING:
    from rich.console import Console

    from bench.store import Store
    from suites.plan import Plan


def run(
    suite: Annotated[
        str | None,
        typer.Option(help="A suite by name (see 'list suites') or a YAML file.", show_default="scaling"),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Run this model instead of the suite's; repeat for more.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Run here instead of on the suite's devices.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16, instead of the suite's.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads inside an operator.", show_default="2")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Learn this task instead of the suite's; repeat for more.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train for so many passes over the data.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train for so many steps.")] = None,
    time_budget: Annotated[
        float | None, typer.Option(min=1.0, help="Train for so many seconds, the sweep of rates included.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch missing data into VIO_BENCH_DATA, where torchvision can.")
    ] = False,
    track: Annotated[
        str | None, typer.Option(help="Show trainings in tensorboard or wandb (offline unless WANDB_MODE=online).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the result folder is made.", show_default="results")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on in this result folder: run only what is missing.")] = None,
    as_json: Json = False,
) -> None:
    """Run a suite: measure every cell in a process of its own, then report.

    Ctrl-C stops cleanly; `--resume` goes on. Exit codes: 0 all cells ok, 4 a cell failed, 5 a timing was too noisy.
    """
    from rich.console import Console

    from baselines.errors import UsageError
    from bench.executors.local import start_forkserver
    from bench.plan import Options, make_plan
    from bench.plan_tasks import TrainingOptions, check_data, check_tracked
    from bench.run import carry_out, missing
    from bench.store import Store
    from bench.tracking import check_tracker
    from suites.suite_file import load_suite

    training = TrainingOptions(tuple(task or ()), epochs, steps, time_budget, download)
    options = Options(tuple(model or ()), device, _precision(precision), threads, training)
    console = Console(stderr=True)
    check_tracker(track)
    start_forkserver()
    if resume is not None:
        if suite or out or options != Options():
            raise UsageError("--resume goes on with the plan of its folder; leave the other options away")
        store = Store.open(resume)
        check_tracked(track, store.plan.suite)
        check_data(missing(store))
        if store.torn_bytes:
            console.print(f"cut off an unfinished last line of {store.torn_bytes} bytes; its cell is run again")
    else:
        with redirect_stdout(sys.stderr):  # a user's module may print while it is imported
            plan = make_plan(load_suite(suite or "scaling"), options)
        check_tracked(track, plan.suite)
        _say_what_was_found(plan, console)
        store = Store.create(out or Path("results"), plan)
    with store:
        console.print(f"{store.plan.suite.name}: {len(store.plan.cells)} cells into {store.folder}", highlight=False)
        try:
            carry_out(store, console, track)
        except KeyboardInterrupt:
            tracked = f" --track {track}" if track else ""
            print(f"stopped; go on with: vio-bench run --resume {store.folder}{tracked}", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        _conclude(store, as_json)


def _say_what_was_found(plan: Plan, console: Console) -> None:
    """What loading the data came upon: samples left out, leaks removed. The report says it again."""
    said = dict.fromkeys(f"{card.task}: {note}" for card in plan.tasks for note in card.notes)
    for line in said:
        console.print(line, highlight=False, markup=False, soft_wrap=True, style="dim")


def _precision(name: str | None) -> str | None:
    from typing import get_args

    from baselines.registry import unknown_name
    from suites.cell import Precision

    if name is not None and name not in get_args(Precision):
        raise unknown_name("precision", name, get_args(Precision))
    return name


def _conclude(store: Store, as_json: bool) -> NoReturn:
    """Write the report, show the closing tables, and exit by what the records say."""
    from collections import Counter

    import reports
    from suites.record import FAILED as FAILED_STATUSES
    from suites.record import Status
    from suites.results import read_results

    report_path = reports.write_report(store.folder)
    results = read_results(store.folder)
    counts = Counter(record.status for record in results.latest().values())
    code = OK
    if counts[Status.UNSTABLE]:
        code = INCONCLUSIVE
    if any(counts[status] for status in FAILED_STATUSES):
        code = FAILED
    if as_json:
        cells = {status.value: count for status, count in sorted(counts.items())}
        print_json({"folder": str(store.folder), "report": str(report_path), "cells": cells, "exit_code": code})
    else:
        show_closing_tables(results)
        print(f"report: {report_path}")
    raise typer.Exit(code)
