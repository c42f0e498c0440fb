"""The subject of a measurement: a cell's model, built and placed, with its input and a call that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from baselines import catalogue
from baselines.batch_norm_folding import fold_batch_norms
from baselines.errors import NotInstalled
from baselines.live_weights import make_live
from bench.devices import DEVICES, Device
from bench.gradients import gradients
from bench.job import Job, Told, Unavailable
from bench.runtimes import RUNTIMES
from suites.cell import Cell
from suites.inputs import make_input
from suites.record import MeasurementWarning

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
_FOLDING_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Subject:
    """What a probe measures."""

    job: Job
    model: nn.Module
    """In evaluation mode, with live weights, folded, placed and laid out as the cell says."""
    example: torch.Tensor
    """The input, on the device."""
    pristine: torch.Tensor
    """What the input must still be after every call."""
    call: Callable[[], torch.Tensor]
    """Runs the model once through the cell's runtime, with the backward where the workload's mode asks for it."""
    device: Device
    warnings: tuple[MeasurementWarning, ...]
    tell: Callable[[Told], None] = lambda _: None
    """Tells the parent how far a long probe is."""

    @property
    def backward(self) -> bool:
        """Whether a call runs the backward too."""
        return self.job.cell.workload.mode == "forward_backward"


def build_subject(job: Job, tell: Callable[[Told], None] = lambda _: None) -> Subject:
    """Build everything that ``job`` measures.

    Raises ``Unavailable`` where the machine lacks device, runtime, precision or the model's package, ``UsageError``
    where the model can't be built so, ``ValueError`` where folding changed its output; what the model itself raises
    goes through.
    """
    cell = job.cell
    device, runtime = DEVICES.load(cell.device), RUNTIMES.load(cell.runtime)
    for reason in (device.unavailable(), runtime.unavailable()):
        if reason:
            raise Unavailable(reason)
    if cell.precision not in _DTYPES:
        raise Unavailable(f"runtime '{cell.runtime}' has no {cell.precision}; use one of {', '.join(_DTYPES)}")
    if job.run_in == "exact":
        device.prepare_for_memory()
    else:
        device.prepare_for_timing()
    torch.set_num_threads(cell.threads)
    torch.manual_seed(cell.seed)
    try:
        model = catalogue.build(catalogue.find(cell.model), cell.config)
    except NotInstalled as error:
        raise Unavailable(str(error)) from error
    make_live(model, cell.seed)
    example = make_input(cell.workload, cell.seed)
    warnings = _fold(model, cell) if cell.workload.fuse else ()
    dtype, layout = _DTYPES[cell.precision], _MEMORY_FORMATS[cell.workload.layout]
    model = model.to(device.torch_name, dtype).to(memory_format=layout)
    if example.is_floating_point():  # tokens stay whole numbers
        example = example.to(dtype=dtype, memory_format=layout)
    example = example.to(device=device.torch_name)
    call = runtime.prepare(model, example, backward=cell.workload.mode == "forward_backward")
    return Subject(job, model, example, example.clone(), call, device, warnings, tell)


def check_call(subject: Subject) -> None:
    """Raise ``ValueError`` unless a call leaves input and threads alone and returns a finite tensor (batch, ...).

    Where the workload's mode asks for the backward, its gradients must be finite too.
    """
    threads = subject.job.cell.threads
    _check_output(subject.call(), subject.job.cell.workload.batch)
    if subject.backward:
        bad = sum(int((~torch.isfinite(g)).sum()) for g in gradients(subject.model, subject.example)[1])
        if bad:
            raise ValueError(f"the backward gave {bad} gradients that are NaN or infinite")
    if not torch.equal(subject.example, subject.pristine):
        raise ValueError("forward changes its input: calls after the first would compute something else")
    if torch.get_num_threads() != threads:
        raise ValueError(
            f"the model set {torch.get_num_threads()} threads where the cell has {threads}; leave that to --threads"
        )


def _check_output(output: object, batch: int) -> None:
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"forward returned {type(output).__name__}, not a tensor")
    if output.ndim == 0 or output.shape[0] != batch:
        raise ValueError(f"forward returned shape {tuple(output.shape)} for a batch of {batch}")
    bad = int((~torch.isfinite(output.float())).sum())
    if bad:
        raise ValueError(f"forward returned {bad} of {output.numel()} values that are NaN or infinite")


def _fold(model: nn.Module, cell: Cell) -> tuple[MeasurementWarning, ...]:
    """Fold in float32 on the CPU, and hold it against the unfolded output on an input that folding never saw."""
    shape = (1, *cell.workload.shape[1:])
    other = torch.randn(shape, generator=torch.Generator().manual_seed(cell.seed + 1))
    with torch.no_grad():
        expected = model(other)
        folded = fold_batch_norms(model, torch.zeros_like(other))
        error = float((model(other) - expected).abs().max() / expected.abs().max().clamp_min(1e-12))
    if error > _FOLDING_TOLERANCE:
        raise ValueError(f"folding batch norms changed the output by {error:.1e} (relative); run it with fuse: [false]")
    if folded:
        return ()
    return (
        MeasurementWarning(
            kind="nothing_folded",
            metric="*",
            message="no batch norm follows a convolution or linear layer: folding left the model as it is",
            evidence={"folded": 0},
            advice="read this row as the unfolded one",
        ),
    )
