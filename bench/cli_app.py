"""What all commands share: the app they are registered in, exit codes, and how usage errors and JSON are printed."""

from __future__ import annotations

import codecs
import functools
import io
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

OK, USAGE, REFUTED, FAILED, INCONCLUSIVE, INTERRUPTED = 0, 2, 3, 4, 5, 130

app = typer.Typer(
    name="vio-bench",
    help="A scale for vision backbones: the same suites for VIO, ViT, ResNet, ConvNeXt and your own model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Start with: `vio-bench run --suite smoke`",
)

_debug = False
"""Whether a usage error shows its traceback too; set once, before any command runs."""

_ESCAPED = "vio-bench-escaped"

Command = TypeVar("Command", bound=Callable[..., None])
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a usage error too.")] = False,
) -> None:
    global _debug
    _debug = debug
    _escape_what_stdout_lacks()


def _escape_what_stdout_lacks() -> None:
    """Have letters that stdout's encoding lacks written as JSON writes them, so that JSON stays JSON."""
    codecs.register_error(_ESCAPED, _as_escapes)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPED)


def _as_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def command(example: str) -> Callable[[Command], Command]:
    """Register a command whose usage errors are one line on stderr and exit code 2."""

    def register(function: Command) -> Command:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            from baselines.errors import UsageError

            try:
                function(*args, **kwargs)
            except UsageError as error:
                if _debug:
                    raise
                print(f"vio-bench: {' '.join(str(error).split())}", file=sys.stderr)
                raise typer.Exit(USAGE) from None

        app.command(function.__name__.rstrip("_"), epilog=f"Example: `{example}`")(guarded)
        return function

    return register


def print_json(data: Any) -> None:
    """Print for another program."""
    print(json.dumps(data, indent=2, ensure_ascii=False))
