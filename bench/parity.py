"""Whether an exported model still gives what the model itself gives, on inputs that its export never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.job import Findings
from bench.subject import Subject
from suites.record import MeasurementWarning

Exported = Callable[[torch.Tensor], torch.Tensor]
"""What an export runs."""

LONGER = 32
"""Pixels by which the second size is higher than the first, and narrower."""
NARROWEST = 64
"""Pixels that are left at least; below, the second size is wider instead. Models of images often start at 32."""

_HEADING = "The following operation failed in the TorchScript interpreter"
_SPOKEN, _EVIDENCE = 200, 500
_NOTHING = 1e-12


@dataclass(frozen=True)
class Trial:
    """An input, and what the model itself makes of it."""

    figure: str
    """What the error is called behind the name of the export: `error` or `resized_error`."""
    example: torch.Tensor
    """Standard normal, or whole numbers below the largest of the cell's input."""
    expected: torch.Tensor
    """The model's own output."""


@dataclass(frozen=True)
class Trials:
    """What every export of a subject is tried on."""

    same: Trial
    """Another input of the size that is exported."""
    resized: Trial | None
    """An input of a second size; None where the model itself is built for one."""
    refusal: str = ""
    """What the model says of the second size where it has none."""


def make_trials(subject: Subject) -> Trials:
    """Run the model on another input of its size, and on one of a second size where it takes one."""
    same = _trial(subject, "error", tuple(subject.example.shape))
    try:
        return Trials(same, _trial(subject, "resized_error", second_shape(tuple(subject.example.shape))))
    except MemoryError:
        raise
    except Exception as error:  # how a model refuses a size is its own affair
        return Trials(same, None, said(error))


def second_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(B, C, H + 32, W - 32) for images, W + 64 for small ones; sequences (B, L, ...) half as long again."""
    if len(shape) == 4:
        height, width = shape[2:]
        return (*shape[:2], height + LONGER, width - LONGER if width - LONGER >= NARROWEST else width + 2 * LONGER)
    return (shape[0], shape[1] + max(1, shape[1] // 2), *shape[2:])


def try_export(subject: Subject, name: str, how: str, export: Callable[[Trials], Exported]) -> Findings:
    """Export the subject and read ``{name}_error`` and ``{name}_resized_error`` off what came out.

    Each is the largest difference to the model's own output, over the largest number of that output. An export that
    fails leaves neither, one that can't run a trial not that one: a warning `export_failed` says why.
    """
    found, trials = Findings(), make_trials(subject)
    try:
        exported = export(trials)
    except MemoryError:
        raise
    except Exception as error:  # whatever is raised is the answer to the question
        for figure in ("error", "resized_error") if trials.resized else ("error",):
            found.warnings.append(export_failed(f"{name}_{figure}", f"{how} failed", error))
        return found
    _compare(found, trials.same, exported, name, how)
    if trials.resized:
        _compare(found, trials.resized, exported, name, how)
    else:
        found.warnings.append(_one_size(f"{name}_resized_error", trials.refusal))
    return found


def relative_error(got: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference over the largest expected number. Raises ``ValueError`` for another shape, or NaN."""
    if got.shape != expected.shape:
        raise ValueError(f"the output has shape {tuple(got.shape)}, the model's own {tuple(expected.shape)}")
    got, expected = got.double(), expected.double()
    error = float((got - expected).abs().max() / expected.abs().max().clamp_min(_NOTHING))
    if not error < float("inf"):
        raise ValueError("the output has numbers that are NaN or infinite")
    return error


def export_failed(metric: str, what: str, error: Exception) -> MeasurementWarning:
    """The warning that stands where a figure would: this was tried, and did not work."""
    text = str(error)
    return MeasurementWarning(
        kind="export_failed",
        metric=metric,
        message=f"{what}: {said(error)}",
        evidence={"error": type(error).__name__, "begins": text[:_EVIDENCE], "ends": text[-_EVIDENCE:]},
        advice="write the forward so that it can be captured for any input, or export one size at a time",
    )


def said(error: Exception) -> str:
    """The exception's type and first line; TorchScript has a heading there, and says what is wrong in its last."""
    lines = str(error).strip().splitlines() or [""]
    if lines[0].startswith(_HEADING):
        return lines[-1].strip()[:_SPOKEN]
    return f"{type(error).__name__}: {lines[0][:_SPOKEN]}".removesuffix(": ")


def _trial(subject: Subject, figure: str, shape: tuple[int, ...]) -> Trial:
    example = _other_input(subject, shape)
    with torch.no_grad():
        return Trial(figure, example, subject.model(example))


def _other_input(subject: Subject, shape: tuple[int, ...]) -> torch.Tensor:
    like, generator = subject.example, torch.Generator().manual_seed(subject.job.cell.seed + 1)
    if like.is_floating_point():
        return torch.randn(shape, generator=generator).to(like)
    return torch.randint(int(like.max()) + 1, shape, generator=generator).to(like)


def _compare(found: Findings, trial: Trial, exported: Exported, name: str, how: str) -> None:
    figure, size = f"{name}_{trial.figure}", "x".join(map(str, trial.example.shape))
    try:
        with torch.no_grad():
            error = relative_error(exported(trial.example), trial.expected)
    except MemoryError:
        raise
    except Exception as error_:
        found.warnings.append(export_failed(figure, f"{how}, run on {size}", error_))
        return
    found.exact(figure, error, "1", f"{how}; largest difference / largest output, on a new input of {size}")


def _one_size(metric: str, refusal: str) -> MeasurementWarning:
    return MeasurementWarning(
        kind="one_size",
        metric=metric,
        message=f"no {metric}: the model itself is built for one size of input",
        evidence={"refusal": refusal},
        advice="read the error at its own size",
    )
