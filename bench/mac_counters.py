"""Two independent counters of multiply-accumulates, and how much of a model's arithmetic they cover.

One MAC is one multiplication and one addition: 2 FLOPs. Only matrix products and convolutions have MACs; what every
other operator computes is tallied apart, as the part of the model that no MAC figure covers.
"""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from bench.gradients import gradients
from bench.mac_formulas import EXTRA_FORMULAS, attention_macs

_MOVES_DATA = {
    "copy_", "clone", "_to_copy", "cat", "stack", "index", "index_select", "gather", "embedding", "constant_pad_nd",
    "empty", "empty_like", "empty_strided", "new_empty", "zeros", "zeros_like", "new_zeros", "ones", "ones_like",
    "full", "full_like", "arange", "fill_", "zero_", "repeat", "roll", "flip", "pixel_shuffle", "pixel_unshuffle",
    "scalar_tensor", "lift_fresh", "detach", "tril", "triu", "eye", "linspace", "contiguous", "slice_scatter",
    "select_scatter", "_unsafe_view", "unsafe_split", "_unsafe_index", "index_put_", "scatter", "resize_", "set_",
    "reflection_pad2d", "replication_pad2d",
}  # fmt: skip
"""Operators that move or make data and compute nothing."""

_FUSED = (
    "_transformer_",
    "_native_multi_head",
    "mkldnn_",
    "_thnn_fused",
    "_fused_",
    "quantized_",
    "_trilinear",
    "_cdist",
)
"""Operators that hide products inside: what they cost is not known."""

_FVCORE_MACS = {"conv", "addmm", "mm", "bmm", "matmul", "linear", "einsum", "baddbmm", "scaled_dot_product_attention"}
"""fvcore also gives costs to norms, pooling and resampling; those are not MACs and are left out."""


@dataclass(frozen=True)
class DispatcherCount:
    """What ``FlopCounterMode`` counted, and what it had no formula for."""

    macs: int
    by_module: dict[str, int]
    """MACs of every submodule by its dotted name."""
    uncounted: dict[str, int]
    """Elements computed by operators without a formula: at least that many operations."""
    opaque: list[str]
    """Operators from outside PyTorch: nothing is known of their cost."""
    on: str
    """``meta``, or the device it had to run on."""

    @property
    def coverage(self) -> float:
        """Share of the arithmetic that the MACs account for, at one operation an element for everything else."""
        counted = 2 * self.macs
        total = counted + sum(self.uncounted.values())
        return counted / total if total else 1.0


def count_by_dispatcher(model: nn.Module, example: torch.Tensor, *, backward: bool = False) -> DispatcherCount:
    """Count a forward, or with ``backward`` what ``bench.gradients`` runs, on the meta device.

    There every operator passes the dispatcher and none computes. A model that can't run there (it reads values, or
    holds tensors outside its parameters and buffers) is counted while it really runs.
    """
    try:
        apart = copy.deepcopy(model).to("meta")  # a model may keep what it made on the first call
        return _count(apart, example.to("meta"), "meta", backward)
    except Exception:  # whatever meta tensors, or copies, can't do
        return _count(model, example, str(example.device), backward)


def _count(model: nn.Module, example: torch.Tensor, device: str, backward: bool) -> DispatcherCount:
    counter = FlopCounterMode(display=False, custom_mapping=EXTRA_FORMULAS)
    tally = _Tally()
    with torch.no_grad(), _no_fused_layers(), tally, counter:
        gradients(model, example) if backward else model(example)
    by_module = {
        name.partition(".")[2]: sum(flops.values()) // 2
        for name, flops in counter.get_flop_counts().items()
        if name != "Global"
    }
    return DispatcherCount(
        macs=counter.get_total_flops() // 2,
        by_module=by_module,
        uncounted=dict(tally.uncounted.most_common()),
        opaque=sorted(tally.opaque),
        on=device,
    )


class _Tally(TorchDispatchMode):
    """Notes every operator without a FLOP formula, and the elements it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.uncounted: Counter[str] = Counter()
        self.opaque: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet in flop_registry or packet in EXTRA_FORMULAS or func.is_view:
            return output
        namespace, _, name = func.name().partition("::")
        name = name.partition(".")[0]
        if namespace not in ("aten", "prims", "prim") or name.startswith(_FUSED):
            self.opaque.add(func.name())
        elif name not in _MOVES_DATA:
            sizes = [t.numel() for t in tree_leaves((args, output)) if isinstance(t, torch.Tensor)]
            self.uncounted[name] += max(sizes, default=0)
        return output


@contextmanager
def _no_fused_layers() -> Iterator[None]:
    """Keep PyTorch from running a whole encoder layer or LSTM as one operator that has no formula."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the flag speaks of GPUs that are not here
            with torch.backends.mkldnn.flags(enabled=False):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def count_by_fvcore(model: nn.Module, example: torch.Tensor) -> int:
    """MACs by fvcore, which traces a real forward and matches operators of the traced graph.

    One image is traced and the count multiplied by the batch, so that this stays cheap at any batch.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it uses torch.jit.script
        from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    one = example[:1].detach().clone()
    analysis = FlopCountAnalysis(model, one).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.set_op_handle("aten::scaled_dot_product_attention", _fvcore_attention)
    for name in ("baddbmm", "baddbmm_", "addmm_"):
        analysis.set_op_handle(f"aten::{name}", _fvcore_added_product)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts: Counter[str] = analysis.by_operator()
    return int(sum(count for name, count in counts.items() if name in _FVCORE_MACS)) * example.shape[0]


def _shape(value: Any) -> list[int]:
    sizes: list[int] = value.type().sizes()
    return sizes


def _fvcore_attention(inputs: list[Any], _: list[Any]) -> Counter[str]:
    macs = attention_macs(*(_shape(value) for value in inputs[:3]))
    return Counter({"scaled_dot_product_attention": macs})


def _fvcore_added_product(inputs: list[Any], _: list[Any]) -> Counter[str]:
    return Counter({"baddbmm": math.prod(_shape(inputs[1])) * _shape(inputs[2])[-1]})
