"""Streaming: what a model keeps between tokens and whether its stream gives the whole sequence's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.job import Findings, Pass

if TYPE_CHECKING:
    import torch

    from bench.subject import Subject

STEPS = 16
"""Tokens that come one by one behind the others, for the comparison with the whole."""


class StreamingProbe:
    """Figures of models that go on from a state, and the key/value cache of those with causal attention."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``state_bytes``: all that is kept after the cell's tokens; ``cache_bytes``: keys and values among it.

        ``streaming_error`` for models with a stream of their own: the largest difference between its last answer and
        that to the whole sequence, over the largest number of that. Others have the warning `not_streamable`.
        """
        from bench.streams import must_keep, not_streamable, refusal, state_after, state_bytes

        model, tokens, found = subject.model, subject.example, Findings()
        why = "only sequences are streamed" if tokens.ndim == 4 else refusal(model, tokens.shape[0])
        if why is None:
            kept = state_bytes(state_after(model, tokens))
            found.exact("state_bytes", kept, "B", f"tensors of the state after {tokens.shape[1]:,} tokens")
            method = f"stream of {tokens.shape[1]:,} tokens, the last {_steps(tokens)} one by one, against the whole; "
            found.exact("streaming_error", _error(model, tokens), "1", method + "largest difference / largest output")
            return found
        found.warnings.append(not_streamable("streaming_error", why))
        would = must_keep(model, tokens) if tokens.ndim < 4 else None
        if would is None:
            found.warnings.append(not_streamable("state_bytes", "it is not causal, or its attention is masked"))
            return found
        method = f"keys and values that {would.attentions} causal attention(s) read after {tokens.shape[1]:,} tokens"
        found.exact("state_bytes", would.states + would.cache, "B", f"{method}, and the states of other blocks")
        found.exact("cache_bytes", would.cache, "B", f"{method}; counted, the model itself has no such cache")
        return found


def _steps(tokens: torch.Tensor) -> int:
    return min(STEPS, tokens.shape[1] - 1)


def _error(model: Any, tokens: torch.Tensor) -> float:
    import torch

    from bench.parity import relative_error
    from bench.streams import state_after

    split = tokens.shape[1] - _steps(tokens)
    with torch.inference_mode():
        state = state_after(model, tokens[:, :split])
        for token in tokens[:, split:].unbind(1):
            answer, state = model.step(token, state)
        whole = model(tokens)
        return relative_error(answer, whole if whole.shape == answer.shape else whole[:, -1])


PROBE = StreamingProbe()
