"""The maps between the stages of an image model, for detectors and segmenters: timm's `forward_intermediates`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from vio.classifier import Classifier


class Intermediates(Classifier, ABC):
    """A classifier whose features come out of stages. A subclass makes the parts and says how they are run."""

    stages: nn.Sequential
    tail: nn.Module
    feature_info: list[dict[str, Any]]

    @abstractmethod
    def start(self, x: Tensor) -> Tensor:
        """Images to the map that the stages begin with."""

    @abstractmethod
    def run_stage(self, index: int, x: Tensor) -> Tensor:
        """The map before a stage to the map after it."""

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,  # noqa: ARG002
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The maps after chosen stages, in the order chosen, and unless `intermediates_only` the features before them.

        Args:
            x: images, (B, in_chans, H, W).
            indices: stages, from 0; negative ones count from the end. None for all; a number n for the last n.
            norm: accepted as timm passes it; no stage here leaves a norm to a later one.
            stop_early: do not compute what lies behind the last chosen stage; the features are then its map.
            output_fmt: only 'NCHW'.
            intermediates_only: return the maps alone.

        Raises:
            ValueError: `indices` names a stage that there is not, or `output_fmt` is another.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', got {output_fmt!r}")
        taken = take_indices(len(self.stages), indices)
        if intermediates_only:
            return self.intermediates(x, taken)
        count = max(taken) + 1 if stop_early else len(self.stages)
        maps = self.intermediates(x, range(count))
        features = self.tail(maps[-1]) if count == len(self.stages) else maps[-1]
        return features, [maps[index] for index in taken]

    def intermediates(self, x: Tensor, indices: Sequence[int]) -> list[Tensor]:
        """The maps after the given stages (from 0), in the order given; nothing behind the last of them is computed."""
        x = self.start(x)
        maps = []
        for index in range(max(indices) + 1):
            x = self.run_stage(index, x)
            maps.append(x)
        return [maps[index] for index in indices]

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] | None = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove what lies behind the last chosen stage, and with `prune_head` the classifier; the stages chosen.

        With `prune_norm` the tail goes too. A model without its last stages has neither tail nor classifier.
        """
        taken = take_indices(len(self.stages), indices)
        shortened = max(taken) + 1 < len(self.stages)
        if shortened or prune_norm:
            self.stages = self.stages[: max(taken) + 1]
            self.tail = nn.Identity()
            self.num_features = self.head_hidden_size = self.feature_info[max(taken)]["num_chs"]
        if prune_head or shortened or prune_norm:
            self.reset_classifier(0, "")
        return taken


def take_indices(count: int, indices: int | Sequence[int] | None) -> list[int]:
    """Stages of `count` that are meant, from 0: all for None, the last n for a number n, else each as given.

    Raises:
        ValueError: there is no such stage, or none is meant.
    """
    if indices is None:
        return list(range(count))
    if isinstance(indices, int):
        if not 0 < indices <= count:
            raise ValueError(f"indices: the last {indices} of {count} stages can't be taken")
        return list(range(count - indices, count))
    bad = [index for index in indices if not -count <= index < count]
    if bad or not indices:
        raise ValueError(f"indices must name stages from {-count} to {count - 1}, got {list(indices)}")
    return [index % count for index in indices]
