"""Models that take tokens as they come: what they keep between two tokens, and what those with attention must keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from suites.record import MeasurementWarning
from vio.blocks import Streamed

CAUSAL_TOKENS = 64
"""A model is held for causal where the last of so many tokens changes no feature before it."""

_ATTENTION = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


@dataclass(frozen=True)
class Kept:
    """Bytes that a stream keeps of its tokens so far."""

    states: int
    """Of states whose size does not depend on the number of tokens."""
    cache: int
    """Of keys and values, each token's."""
    attentions: int
    """Calls of attention that they belong to."""


def refusal(model: nn.Module, batch: int) -> str | None:
    """Why ``model`` can't be streamed; None where it can."""
    if not isinstance(model, Streamed):
        return "it has no init_state, prefill and step"
    try:
        model.init_state(batch)
    except ValueError as error:
        return str(error)
    return None


def state_bytes(state: object) -> int:
    """Bytes of every tensor of a state."""
    return sum(leaf.nbytes for leaf in tree_leaves(state) if isinstance(leaf, torch.Tensor))


def state_after(model: Any, tokens: torch.Tensor) -> Any:
    """The state after (B, L, ...) tokens."""
    with torch.inference_mode():
        return model.prefill(tokens, model.init_state(tokens.shape[0]))[1]


def must_keep(model: nn.Module, tokens: torch.Tensor) -> Kept | None:
    """What a model without a stream of its own would keep after (B, L, ...) tokens: a transformer's key/value cache.

    Keys and values are those that its attention is given in one forward; states those of its blocks that have any. None
    where it can't go on from them: it is not causal, or keeps neither.
    """
    if not _causal(model, tokens[:, :CAUSAL_TOKENS]):
        return None
    with torch.inference_mode(), _KeysAndValues() as seen:
        model(tokens)
    states = sum(map(state_bytes, _states(model, tokens.shape[0])))
    return Kept(states, seen.bytes, seen.calls) if seen.calls and not seen.others else None


def not_streamable(metric: str, why: str) -> MeasurementWarning:
    """The warning where a stream would be measured."""
    return MeasurementWarning(
        kind="not_streamable",
        metric=metric,
        message=f"no {metric}: {why}",
        evidence={"why": why},
        advice="stream a causal model without attention, such as vio_seq_mamba",
    )


class _KeysAndValues(TorchFunctionMode):
    """Adds up the keys and values of causal attention; counts other attention, whose cache would not do."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.calls, self.others = 0, 0, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            given = {**dict(zip(_ATTENTION, args, strict=False)), **kwargs}
            if given.get("is_causal"):
                self.bytes, self.calls = self.bytes + given["key"].nbytes + given["value"].nbytes, self.calls + 1
            else:
                self.others += 1
        return func(*args, **kwargs)


def _states(module: Any, batch: int) -> list[object]:
    """States of the outermost modules that have one."""
    if refusal(module, batch) is None:
        return [module.init_state(batch)]
    return [state for child in module.children() for state in _states(child, batch)]


def _causal(model: Any, tokens: torch.Tensor) -> bool:
    """Whether features of earlier tokens stay as they are when the last one is another."""
    if not hasattr(model, "forward_features") or tokens.shape[1] < 2:
        return False
    changed, last = tokens.clone(), tokens[:, -1]
    changed[:, -1] = -last if last.is_floating_point() else (last == 0).to(last)
    with torch.inference_mode():
        before, after = (model.forward_features(x)[:, :-1] for x in (tokens, changed))
    return bool(torch.allclose(before, after, rtol=1e-5, atol=1e-6))
