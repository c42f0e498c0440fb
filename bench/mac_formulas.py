"""FLOPs of the products that PyTorch's own counter misses, from the shapes of their inputs. One MAC is 2 FLOPs."""

from __future__ import annotations

import math
from typing import Any

import torch


def attention_macs(query: list[int], key: list[int], value: list[int]) -> int:
    """MACs of softmax(Q K^T) V: Q (..., L, E), K (..., S, E), V (..., S, F) take L S (E + F) a batch entry.

    The entries are the query's: with grouped queries fewer key heads serve more query heads.
    """
    entries = math.prod(query[:-2])
    return entries * query[-2] * key[-2] * (query[-1] + value[-1])


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return 2 * attention_macs(list(query), list(key), list(value))


def _attention_backward_flops(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
    """Two products for each of the forward's two; the scores that it computes again are not counted."""
    return 2 * _attention_flops(query, key, value)


def _mv_flops(matrix: Any, *_: Any, **__: Any) -> int:
    return 2 * int(math.prod(matrix))


def _addmv_flops(_: Any, matrix: Any, *__: Any, **___: Any) -> int:
    return 2 * int(math.prod(matrix))


def _added_product_flops(_: Any, left: Any, right: Any, *__: Any, **___: Any) -> int:
    """Of (..., rows, inner) times (..., inner, columns), added to something."""
    return 2 * int(math.prod(left)) * int(right[-1])


def _convolution_backward_flops(gradient: Any, x: Any, weight: Any, *rest: Any, **_: Any) -> int:
    """As many as the forward for the input's gradient, and as many for the weight's."""
    transposed, wanted = rest[4], rest[7]
    forward: int = math.prod(x if transposed else gradient) * math.prod(weight[1:])
    return 2 * forward * sum(map(bool, wanted[:2]))


EXTRA_FORMULAS = {
    torch.ops.aten.convolution_backward: _convolution_backward_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
    torch.ops.aten.mv: _mv_flops,
    torch.ops.aten.addmv: _addmv_flops,
    torch.ops.aten.addmv_: _addmv_flops,
    torch.ops.aten.addmm_: _added_product_flops,
    torch.ops.aten.baddbmm_: _added_product_flops,
    torch.ops.aten.addbmm: _added_product_flops,
    torch.ops.aten.addbmm_: _added_product_flops,
}
"""Products without a formula in PyTorch, which would silently count as nothing, or with one that forgets the groups.

A product in place is an operator of its own to the dispatcher, and PyTorch has formulas only for those that are not."""
