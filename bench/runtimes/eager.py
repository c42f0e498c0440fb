"""PyTorch as it is, in inference mode unless gradients are asked for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from bench.gradients import gradients


class EagerRuntime:
    """Operator by operator, no graph."""

    def unavailable(self) -> str | None:
        """Never."""
        return None

    def prepare(self, model: nn.Module, example: torch.Tensor, *, backward: bool = False) -> Callable[[], torch.Tensor]:
        """One forward in inference mode, or one forward and backward."""
        if backward:
            return lambda: gradients(model, example)[0]

        def call() -> torch.Tensor:
            with torch.inference_mode():
                output: torch.Tensor = model(example)
                return output

        return call


RUNTIME = EagerRuntime()
