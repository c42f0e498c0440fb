"""``vio-bench predict``: what a trained model says of images or sequences."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typing_extensions import Self

from bench.cli_app import FAILED, OK, USAGE, Json, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.predictor import Answer

_QUIET_S = 2.0
_BESIDE = 4
"""Classes that fit beside each other; more stand below each other."""


def predict(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder of a trained model, or of the cell that trained it.", show_default=False)
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Images; DNA, or FASTA or CSV files of it; lists like '[3, 1, 4]', or files with one a line.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Show this many classes, the most probable first.")] = 3,
    column: Annotated[str, typer.Option(help="Column of the sequences in a CSV file.")] = "sequence",
    model: Annotated[
        str | None, typer.Option(help="Your own package.module:factory, whose code may then be imported.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Inputs that go through the model at once.")] = 64,
    device: Annotated[str, typer.Option(help="Where to run.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads inside an operator.", show_default="2")] = None,
    as_json: Json = False,
) -> None:
    """Classify images or sequences by a trained model, with probabilities.

    Inputs are prepared as in training: images resized, DNA cropped to the training length; whole numbers are read at
    any length. An input that can't be read is named and the others are answered: exit code 4, or 2 where none can be
    read.
    """
    import torch

    from baselines.errors import UsageError
    from bench.plan import default_threads
    from bench.prediction_inputs import as_given
    from bench.predictor import Predictor

    torch.set_num_threads(threads or default_threads())
    with _Progress() as progress, redirect_stdout(sys.stderr):  # what a user's model prints is not the answer
        predictor = Predictor.load(checkpoint, _torch_name(device), user_model=model)
        given = [as_given(argument, predictor.card.input) for argument in inputs]
        answers = predictor.answer(given, batch=batch, column=column, on_progress=progress)
    bad = [answer for answer in answers if answer.error is not None]
    none = len(bad) == len(answers)
    code = USAGE if none else FAILED if bad else OK
    if as_json:
        print_json(
            {**_about(predictor.card), "predictions": _rows(answers, top), "errors": _errors(bad), "exit_code": code}
        )
    elif not none:
        _show(predictor.card, answers, top)
        for answer in bad:
            print(f"vio-bench: left out {answer.name}: {answer.error}", file=sys.stderr)
    if none:
        more = f" (and {len(bad) - 1} more that can't be read)" if len(bad) > 1 else ""
        raise UsageError(f"{bad[0].name}: {bad[0].error}{more}")
    raise typer.Exit(code)


def _torch_name(device: str) -> str:
    from baselines.errors import UsageError
    from bench.devices import DEVICES

    found = DEVICES.load(device)
    reason = found.unavailable()
    if reason:
        raise UsageError(reason)
    return found.torch_name


def _about(card: Any) -> dict[str, Any]:
    accuracy = card.accuracy
    tested = {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high, "n": accuracy.n}
    return {"model": card.model, "task": card.task, "cell": card.cell, "test_accuracy": tested}


def _rows(answers: Sequence[Answer], top: int) -> list[dict[str, Any]]:
    found = [(answer.name, answer.prediction) for answer in answers if answer.prediction is not None]
    return [
        {
            "input": name,
            "label": prediction.label,
            "probability": prediction.probability,
            "probabilities": dict(list(prediction.probabilities.items())[:top]),
        }
        for name, prediction in found
    ]


def _errors(bad: Sequence[Answer]) -> list[dict[str, Any]]:
    return [{"input": answer.name, "error": answer.error} for answer in bad]


def _show(card: Any, answers: Sequence[Answer], top: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    accuracy = card.accuracy
    tested = f"{100 * accuracy.value:.1f} % ({100 * accuracy.low:.1f}-{100 * accuracy.high:.1f}) right in its test"
    table = Table(title=escape(f"{card.model}, trained on {card.task}: {tested}"), title_justify="left")
    beside = min(top, len(card.classes)) if top <= _BESIDE else 1
    table.add_column("input", overflow="fold")
    for rank in range(1, beside + 1):
        table.add_column(f"{rank}." if beside > 1 else "class", overflow="fold")
        table.add_column("%", justify="right")
    for row in _rows(answers, top):
        ranked = [(escape(label), f"{100 * share:.1f}") for label, share in row["probabilities"].items()]
        for start in range(0, len(ranked), beside):
            pairs = ranked[start : start + beside]
            table.add_row("" if start else escape(row["input"]), *(cell for pair in pairs for cell in pair))
    Console(width=None if sys.stdout.isatty() else 110).print(table)


class _Progress:
    """A bar on stderr, once it has taken two seconds."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (BarColumn(bar_width=28), MofNCompleteColumn(), TimeRemainingColumn())
        self._live = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._live.add_task("")
        self._started: float | None = None

    def __call__(self, done: int, total: int) -> None:
        """So many inputs of so many are done."""
        self._live.update(self._task, completed=done, total=total)
        if self._started is not None and time.monotonic() - self._started > _QUIET_S:
            self._live.start()  # a second time it changes nothing

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._live.stop()
