"""What training may ask of a row of blocks: to be recomputed instead of remembered, and to be skipped at random."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(block: nn.Module, *inputs: Tensor | None) -> Tensor:
    """`block(*inputs)`, whose inner tensors are computed again in the backward pass instead of being kept.

    Outputs, gradients and the running statistics of batch norms are those of a plain call.
    """
    if torch.compiler.is_compiling():  # the compiler repeats arithmetic only, never an update of statistics
        y: Tensor = checkpoint(block, *inputs, use_reentrant=False)
    else:
        y = checkpoint(block, *inputs, use_reentrant=False, context_fn=functools.partial(_contexts, block))
    return y


def depth_rates(blocks: Sequence[int], rate: float) -> list[list[float]]:
    """Rates of stochastic depth, from 0 at the first block to `rate` at the last, for stages of so many blocks."""
    steps = max(sum(blocks) - 1, 1)
    firsts = [sum(blocks[:stage]) for stage in range(len(blocks))]
    return [[rate * (first + i) / steps for i in range(count)] for first, count in zip(firsts, blocks, strict=True)]


def stochastic_depth(x: Tensor, y: Tensor, rate: float) -> Tensor:
    """`y` with what a residual block has added to `x` dropped for a share `rate` of the images.

    What is kept is scaled by 1 / (1 - rate), so that the mean is that of `y` (arXiv 1603.09382, as timm has it).
    """
    shape = (x.shape[0],) + (1,) * (x.ndim - 1)
    kept = x.new_empty(shape).bernoulli_(1 - rate).div(1 - rate)  # (B, 1, 1, 1)
    return x + (y - x) * kept


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_held(block)


@contextmanager
def _statistics_held(block: nn.Module) -> Iterator[None]:
    """The block's batch norms normalise by their batch, but remember nothing of it: the first pass has counted it."""
    norms = [m for m in block.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    held = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, momentum, count in held:
            norm.momentum, norm.num_batches_tracked = momentum, count
