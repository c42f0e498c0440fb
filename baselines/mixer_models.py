"""Token mixers by name, ``mixer/...``: a slash is in no name of timm's, and a user's has a colon.

They take sequences (B, L, C), and are built for the width of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from baselines.catalogue import SEQUENCES, Head, Shape
from baselines.errors import UsageError
from baselines.registry import load_attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True)
class _Mixer:
    about: str
    family: str
    factory: str
    arguments: dict[str, int]
    """Beside the width."""


_SSD = {"head_width": 64, "state_size": 64}
"""Mamba-2's own head width, and half of its state size."""
_SELECTIVE = {"state_size": 16}
"""Mamba's own."""

MIXERS = {
    "mixer/ssd": _Mixer("VIO's chunked SSD scan", "vio", "baselines.mixers:chunked", _SSD),
    "mixer/mamba_block": _Mixer("VIO's block around it", "vio", "baselines.mixers:block", _SSD),
    "mixer/ssd_noncausal": _Mixer("VIO's non-causal single pass", "vio", "baselines.mixers:single_pass", _SSD),
    "mixer/selective_scan": _Mixer("VIO's per-channel scan", "vio", "baselines.mixers:SelectiveScanMixer", _SELECTIVE),
    "mixer/sequential_scan": _Mixer(
        "the function of mixer/ssd, a step a token", "sequential", "baselines.mixers:sequential", _SSD
    ),
    "mixer/mambapy": _Mixer("mambapy's Mamba (pscan)", "mambapy", "baselines.mixer_peers:mambapy", _SELECTIVE),
    "mixer/transformers_mamba": _Mixer(
        "transformers' Mamba", "transformers", "baselines.mixer_peers:transformers_mamba", _SELECTIVE
    ),
    "mixer/transformers_mamba2": _Mixer(
        "transformers' Mamba-2", "transformers", "baselines.mixer_peers:transformers_mamba2", _SSD
    ),
    "mixer/attention": _Mixer(
        "full attention on SDPA", "attention", "baselines.mixers:AttentionMixer", {"head_width": 64}
    ),
    "mixer/depthwise_conv": _Mixer(
        "gated depthwise convolution", "convolution", "baselines.mixers:DepthwiseMixer", {"taps": 7}
    ),
}


class MixerSource:
    """The mixers of this table; their arguments are part of a cell's identity."""

    def names(self) -> list[str]:
        """Every mixer."""
        return list(MIXERS)

    def find(self, name: str) -> str | None:
        """The family of a mixer, or None where there is none of that name."""
        return MIXERS[name].family if name in MIXERS else None

    def takes(self, name: str) -> Shape:  # noqa: ARG002
        """Sequences of any width."""
        return SEQUENCES

    def config(self, name: str, family: str, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """The width of the input and the mixer's own arguments."""
        arguments = MIXERS[name].arguments
        if shape[-1] % arguments.get("head_width", 1):
            raise UsageError(f"'{name}' has heads of {arguments['head_width']} channels; {shape[-1]} do not divide so")
        return {"width": shape[-1], **arguments}

    def task_config(self, name: str, family: str, shape: tuple[int, ...], head: Head) -> dict[str, Any]:  # noqa: ARG002
        """None: a mixer alone classifies nothing."""
        raise UsageError(f"'{name}' is a token mixer without a classifier; name a model, such as vio_seq_mamba")

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """The mixer. Raises ``NotInstalled`` where it is a peer's and its package is not here."""
        return cast("Callable[..., nn.Module]", load_attribute(MIXERS[name].factory))(**config)


SOURCE = MixerSource()
