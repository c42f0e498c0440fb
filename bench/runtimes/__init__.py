"""What executes a model: one file a runtime. It turns a module and its input into a call without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from baselines.registry import Registry

if TYPE_CHECKING:
    import torch
    from torch import nn


class Runtime(Protocol):
    """A way to execute."""

    def unavailable(self) -> str | None:
        """Why it can't be used here and what to do; None where it can."""

    def prepare(self, model: nn.Module, example: torch.Tensor, *, backward: bool = False) -> Callable[[], torch.Tensor]:
        """A call that runs ``model`` on ``example`` once and returns its output.

        With ``backward`` it computes the gradients of the output's sum too, and drops them. Raises ``Unavailable``
        where this runtime has no backward.
        """


RUNTIMES: Registry[Runtime] = Registry("runtime", {"eager": "bench.runtimes.eager:RUNTIME"})
