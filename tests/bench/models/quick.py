"""Quick models whose factories import torch only when called: a command that merely plans them starts fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def sleep() -> nn.Module:
    from hostile import Sleep

    return Sleep()


def scan() -> nn.Module:
    from hostile import ElementwiseScan

    return ElementwiseScan()
