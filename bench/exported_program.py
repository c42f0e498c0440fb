"""What `torch.export` captures of a subject, once for all who ask: capturing takes as long as all that follows."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.export import Dim, ExportedProgram, export

from bench.parity import Trials
from bench.subject import Subject

_CAPTURED: WeakKeyDictionary[nn.Module, ExportedProgram | Exception] = WeakKeyDictionary()


def captured(subject: Subject, trials: Trials) -> ExportedProgram:
    """The program, with a free height and width, or length, where the model takes a second size.

    Whether they stay free is the model's doing: a size that its Python code has read is fixed. Raises what
    `torch.export` raises, the second time too.
    """
    if subject.model not in _CAPTURED:
        try:
            _CAPTURED[subject.model] = _capture(subject, trials)
        except Exception as error:
            _CAPTURED[subject.model] = error
    program = _CAPTURED[subject.model]
    if isinstance(program, Exception):
        raise program
    return program


def _capture(subject: Subject, trials: Trials) -> ExportedProgram:
    example = subject.example
    free = (2, 3) if example.ndim == 4 else (1,)
    shapes = (dict.fromkeys(free, Dim.AUTO),) if trials.resized else None
    with torch.no_grad():
        return export(subject.model, (example,), dynamic_shapes=shapes, strict=False)
