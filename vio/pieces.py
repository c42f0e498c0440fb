"""Work on what is long or large a piece at a time, so that a CPU finds its temporaries in the cache and in the heap."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def is_plain_inference(x: Tensor) -> bool:
    """Whether `x` is on a CPU, no gradient is recorded and no graph captured: what is computed is used now, and once.

    A graph would hold every piece, for its backward pass or for ever; an accelerator gains nothing from pieces.
    """
    if x.device.type != "cpu" or torch.is_grad_enabled():
        return False
    return not torch.jit.is_tracing() and not torch.compiler.is_compiling()  # type: ignore[attr-defined]


def is_watched(module: nn.Module) -> bool:
    """Whether somebody hooked in and expects every layer to be called, once and with the whole."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


class Joined:
    """Pieces that come one after another, as one tensor.

    In plain inference each is copied to its place as it comes: at most one is held beside the whole, and glibc keeps
    their memory. Held in a list up to the end, they made every forward of `vio.ssd` fetch thousands of pages anew.

    Args:
        size: of the whole, along the axis.
        axis: the one that the pieces follow one another on.
    """

    def __init__(self, size: int, axis: int) -> None:
        self._size, self._axis = size, axis
        self._filled = 0
        self._pieces: list[Tensor] = []

    def append(self, piece: Tensor) -> None:
        """Add the next piece."""
        count, first = piece.shape[self._axis], self._filled
        self._filled += count
        if count == self._size or not is_plain_inference(piece):
            self._pieces.append(piece)
            return
        if not self._pieces:
            self._pieces.append(_room(piece, self._axis, self._size))
        self._pieces[0].narrow(self._axis, first, count).copy_(piece)

    def whole(self) -> Tensor:
        """All pieces."""
        assert self._filled == self._size, f"{self._filled} of {self._size} have come"
        return torch.cat(self._pieces, self._axis) if len(self._pieces) > 1 else self._pieces[0]


def _room(piece: Tensor, axis: int, size: int) -> Tensor:
    """An empty tensor like the piece, in its memory format, but so long along the axis."""
    shape = [*piece.shape[:axis], size, *piece.shape[axis + 1 :]]
    if piece.ndim == 4 and piece.shape[1] > 1 and piece.stride(1) == 1:  # a map in channels-last memory
        batch, channels, height, width = shape
        return piece.new_empty([batch, height, width, channels]).permute(0, 3, 1, 2)
    return piece.new_empty(shape)
