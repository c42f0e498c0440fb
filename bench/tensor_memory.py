"""Live tensor storage, followed through the dispatcher: exact, repeatable, the same on every machine."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class TensorMemory(TorchDispatchMode):
    """While active, follows every storage that an operator allocates until it is freed.

    ``peak`` is the most bytes live at once, of storages made under this mode: inputs and weights that were there
    before don't count, scratch space inside an operator neither (that is workspace, which only the resident set shows).
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def ignore(self, tensors: list[torch.Tensor]) -> None:
        """Don't count these tensors' storages unless an operator made them: they were there before."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._known:
                self._known[storage._cdata] = weakref.ref(storage, self._forget(storage._cdata))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.ignore([t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)])
        outputs = func(*args, **(kwargs or {}))
        for output in tree_leaves(outputs):
            if isinstance(output, torch.Tensor):
                self._follow(output.untyped_storage())
        return outputs

    def _forget(self, key: int) -> Callable[[object], None]:
        def forget(_: object) -> None:
            del self._known[key]

        return forget

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or size == 0:
            return

        def freed(_: object) -> None:
            del self._known[key]
            self.live -= size

        self._known[key] = weakref.ref(storage, freed)
        self.live += size
        self.peak = max(self.peak, self.live)


def peak_tensor_bytes(call: Callable[[], object], existing: list[torch.Tensor]) -> int:
    """The most bytes of tensor storage that ``call`` holds at once, beyond the ``existing`` tensors."""
    mode = TensorMemory()
    mode.ignore(existing)
    with mode:
        call()
    return mode.peak
