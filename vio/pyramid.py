"""Feature pyramids: the maps after chosen stages, for a detector or a segmenter to sit on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from vio.backbone import Backbone


class FeatureInfo(list[dict[str, Any]]):
    """What is known of each map of a pyramid: `num_chs`, `reduction` and `module`, finest map first as chosen."""

    def channels(self) -> list[int]:
        """Channels of each map."""
        return [level["num_chs"] for level in self]

    def reduction(self) -> list[int]:
        """Input pixels a place of each map, along one side."""
        return [level["reduction"] for level in self]

    def module_name(self) -> list[str]:
        """The module that each map comes out of, as the whole model names it."""
        return [level["module"] for level in self]


class Pyramid(nn.Module):
    """(B, in_chans, H, W) -> one map (B, channels, ceil(H / reduction), ceil(W / reduction)) for each chosen stage.

    Args:
        model: what the maps are taken from; its classifier and the stages behind the last chosen one are removed.
        out_indices: stages, from 0; negative ones count from the end. None for all; a number n for the last n.

    Raises:
        ValueError: `out_indices` names a stage that the model does not have.
    """

    def __init__(self, model: Backbone, out_indices: int | Sequence[int] | None = None) -> None:
        super().__init__()
        levels = model.feature_info
        self.out_indices = model.prune_intermediate_layers(out_indices, prune_norm=True)
        self.feature_info = FeatureInfo(levels[index] for index in self.out_indices)
        self.model = model

    def forward(self, x: Tensor) -> list[Tensor]:
        """The chosen maps, in the order in which they were chosen."""
        return self.model.intermediates(x, self.out_indices)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute the inner tensors of each block again in the backward pass instead of keeping them."""
        self.model.set_grad_checkpointing(enable)
