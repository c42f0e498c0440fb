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
    counter = FlopCounterMode(display=False, custom_mapping=_EXTRA_FORMULAS)
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
        if packet in flop_registry or packet in _EXTRA_FORMULAS or func.is_view:
            return output
        namespace, _, name = func.name().partition("::")
        name = name.partition(".")[0]
        if namespace not in ("aten", "prims", "prim") or name.startswith(_FUSED):
            self.opaque.add(func.name())
        elif name not in _MOVES_DATA:
            sizes = [t.numel() for t in tree_leaves((args, output)) if isinstance(t, torch.Tensor)]
            self.uncounted[name] += max(sizes, default=0)
        return output


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return 2 * attention_macs(list(query), list(key), list(value))


def _attention_backward_flops(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
    """Two products for each of the forward's two; the scores that it computes again are not counted."""
    return 2 * _attention_flops(query, key, value)


def _mv_flops(matrix: Any, *_: Any, **__: Any) -> int:
    return 2 * int(math.prod(matrix))


def _addmv_flops(_: Any, matrix: Any, *__: Any, **___: Any) -> int:
    return 2 * int(math.prod(matrix))


def _convolution_backward_flops(gradient: Any, x: Any, weight: Any, *rest: Any, **_: Any) -> int:
    """As many as the forward for the input's gradient, and as many for the weight's."""
    transposed, wanted = rest[4], rest[7]
    forward: int = math.prod(x if transposed else gradient) * math.prod(weight[1:])
    return 2 * forward * sum(map(bool, wanted[:2]))


# products without a formula in PyTorch, which would silently count as nothing, or with one that forgets the groups
_EXTRA_FORMULAS = {
    torch.ops.aten.convolution_backward: _convolution_backward_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
    torch.ops.aten.mv: _mv_flops,
    torch.ops.aten.addmv: _addmv_flops,
}


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
    analysis.set_op_handle("aten::baddbmm", _fvcore_baddbmm)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts: Counter[str] = analysis.by_operator()
    return int(sum(count for name, count in counts.items() if name in _FVCORE_MACS)) * example.shape[0]


def attention_macs(query: list[int], key: list[int], value: list[int]) -> int:
    """MACs of softmax(Q K^T) V: Q (..., L, E), K (..., S, E), V (..., S, F) take L S (E + F) a batch entry.

    The entries are the query's: with grouped queries fewer key heads serve more query heads.
    """
    entries = math.prod(query[:-2])
    return entries * query[-2] * key[-2] * (query[-1] + value[-1])


def _shape(value: Any) -> list[int]:
    sizes: list[int] = value.type().sizes()
    return sizes


def _fvcore_attention(inputs: list[Any], _: list[Any]) -> Counter[str]:
    macs = attention_macs(*(_shape(value) for value in inputs[:3]))
    return Counter({"scaled_dot_product_attention": macs})


def _fvcore_baddbmm(inputs: list[Any], _: list[Any]) -> Counter[str]:
    batch, rows, inner = _shape(inputs[1])
    return Counter({"baddbmm": batch * rows * inner * _shape(inputs[2])[-1]})
