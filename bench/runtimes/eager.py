"""PyTorch as it is, in inference mode."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


class EagerRuntime:
    """Operator by operator, no graph."""

    def unavailable(self) -> str | None:
        """Never."""
        return None

    def prepare(self, model: nn.Module, example: torch.Tensor) -> Callable[[], torch.Tensor]:
        """One forward in inference mode."""

        def call() -> torch.Tensor:
            with torch.inference_mode():
                output: torch.Tensor = model(example)
                return output

        return call


RUNTIME = EagerRuntime()
