"""The ``vio-bench`` command. Heavy imports wait until a command needs them, so that ``--help`` is instant."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from bench.cli_app import INCONCLUSIVE, Json, app, command, print_json
from bench.cli_claims import claims
from bench.cli_predict import predict
from bench.cli_reports import merge, report
from bench.cli_run import run

__all__ = ["app"]


command("vio-bench run --suite scaling --model vio_tiny --model vit_tiny_patch16_224")(run)  # the first in --help


@command("vio-bench list models")
def list_(
    kind: Annotated[str | None, typer.Argument(help="suites, models, devices, runtimes, tasks or metrics.")] = None,
    every: Annotated[bool, typer.Option("--all", help="With models: every name timm knows too.")] = False,
    as_json: Json = False,
) -> None:
    """List what there is: suites, models, devices, runtimes, tasks, metrics."""
    from baselines.registry import unknown_name
    from bench.listing import KINDS, listing

    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    found = {name: listing(name, every) for name in ([kind] if kind else KINDS)}
    if as_json:
        print_json(found)
        return
    for name, rows in found.items():
        print(f"{name}:" if rows else f"{name}: none")
        width = max((len(row) for row in rows), default=0)
        for row, about in rows.items():
            print(f"  {row:<{width}}  {about}".rstrip())


@command("vio-bench show vit_tiny_patch16_224 --image-size 1024")
def show(
    model: Annotated[str, typer.Argument(help="A model's name, or package.module:factory.", show_default=False)],
    image_size: Annotated[int, typer.Option(min=16, max=16384, help="Side of the square input in pixels.")] = 224,
    length: Annotated[int | None, typer.Option(min=1, help="Tokens, for a model that takes sequences.")] = None,
    channels: Annotated[
        int | None,
        typer.Option(min=1, help="Channels of a token, with --length.", show_default="the model's own, or 192"),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images or sequences in the batch.")] = 1,
    as_json: Json = False,
) -> None:
    """Show a model's exact figures: params, MACs, FLOPs, coverage, tensor peak and layers."""
    from baselines import catalogue
    from baselines.errors import UsageError
    from suites.workload import ImageWorkload, SequenceWorkload, Workload

    workload: Workload = ImageWorkload(batch=batch, height=image_size, width=image_size)
    with redirect_stdout(sys.stderr):  # what a user's model prints is not the answer
        entry = catalogue.find(model)
        if length is not None:
            width = channels or catalogue.channels(entry) or 192
            workload = SequenceWorkload(batch=batch, length=length, channels=width)
        catalogue.config(entry, workload.shape)
        from bench.show import describe

        try:
            figures = describe(model, workload)
        except (Exception, SystemExit) as error:  # the model may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise UsageError(f"{model} can't run at {workload.label}: {reason}") from error
    if as_json:
        print_json(figures)
        return
    from rich.console import Console

    from bench.show_table import tables

    console = Console()
    for table in tables(figures):
        console.print(table)


command("vio-bench report results/scaling-20260131T120000Z-1a2b --open")(report)
command("vio-bench merge results/scaling-laptop results/scaling-server --out results/both")(merge)
command("vio-bench claims results/scaling-20260131T120000Z-1a2b --require v3-faster-than-vit")(claims)
command("vio-bench predict results/accuracy-20260131T120000Z-1a2b/training/0f1e2d3c4b5a6978 photo.jpg")(predict)


@command("vio-bench schema record")
def schema(
    form: Annotated[str, typer.Argument(help="record, plan, environment or suite.")] = "record",
) -> None:
    """Print the JSON Schema of a stored form."""
    from baselines.registry import unknown_name
    from suites.fingerprint import Environment
    from suites.plan import Plan
    from suites.record import Record
    from suites.schema import Strict
    from suites.suite import Suite

    forms: dict[str, type[Strict]] = {"record": Record, "plan": Plan, "environment": Environment, "suite": Suite}
    if form not in forms:
        raise unknown_name("form", form, forms)
    print_json(forms[form].model_json_schema())


@command("vio-bench doctor")
def doctor(as_json: Json = False) -> None:
    """Say what would make timings untrustworthy on this machine. Exit code 5 when it is unfit."""
    from bench.doctor import OK as FINE
    from bench.doctor import UNFIT, examine

    checks = examine()
    if as_json:
        print_json([check.model_dump(mode="json") for check in checks])
    else:
        for check in checks:
            print(f"{check.level:<8} {check.name:<15} {check.seen}")
            if check.level != FINE:
                print(f"{'':<24} -> {check.advice}")
    if any(check.level == UNFIT for check in checks):
        raise typer.Exit(INCONCLUSIVE)
