"""Work on what is long or large a piece at a time, so that a CPU finds its temporaries in the cache and in the heap."""

from __future__ import annotations

import torch
from torch import Tensor


def is_plain_inference() -> bool:
    """True where no gradient is recorded and no graph captured: what is computed is used now, and once.

    A graph would hold every piece, for its backward pass or for ever.
    """
    captured = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined]
    return not captured and not torch.is_grad_enabled()


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
        self._in_place = is_plain_inference()

    def append(self, piece: Tensor) -> None:
        """Add the next piece."""
        count = piece.shape[self._axis]
        if not self._in_place or count == self._size:
            self._pieces.append(piece)
            return
        if not self._pieces:
            self._pieces.append(_room(piece, self._axis, self._size))
        self._pieces[0].narrow(self._axis, self._filled, count).copy_(piece)
        self._filled += count

    def whole(self) -> Tensor:
        """All pieces."""
        return torch.cat(self._pieces, self._axis) if len(self._pieces) > 1 else self._pieces[0]


def _room(piece: Tensor, axis: int, size: int) -> Tensor:
    """An empty tensor like the piece, in its memory format, but so long along the axis."""
    shape = (*piece.shape[:axis], size, *piece.shape[axis + 1 :])
    maps = piece.ndim == 4 and piece.shape[1] > 1 and piece.stride(1) == 1
    layout = torch.channels_last if maps else torch.contiguous_format
    return torch.empty(shape, dtype=piece.dtype, device=piece.device, memory_format=layout)
