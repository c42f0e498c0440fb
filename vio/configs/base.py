"""What every model's configuration has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.reader import ConfigError, require_positive

POOLS = ("avg", "latent", "")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Input and output of a model. Subclasses add what is between."""

    architecture: ClassVar[str]
    """The name of the architecture in `vio.configs.ARCHITECTURES`."""

    pools: ClassVar[tuple[str, ...]] = POOLS
    """What `global_pool` may be."""
    classifies_places: ClassVar[bool] = False
    """Whether there may be a classifier without pooling: one answer a place."""

    num_classes: int = 1000
    """Outputs of the classifier; 0 for none."""
    in_chans: int = 3
    """Channels of the input."""
    global_pool: str = "avg"
    """'avg', 'latent' for learned queries (see `vio.LatentReadout`), or '' to keep every place."""

    @property
    def input_shape(self) -> tuple[str | int, ...]:
        """Shape of an input, letters for what may be anything: images, unless an architecture says otherwise."""
        return "B", self.in_chans, "H", "W"

    def __post_init__(self) -> None:
        require_positive(self, "in_chans")
        if self.num_classes < 0:
            raise ConfigError(("num_classes",), f"must be 0 or more, got {self.num_classes}")
        if self.global_pool not in self.pools:
            raise ConfigError(("global_pool",), f"must be one of {self.pools}, got {self.global_pool!r}")
        if self.num_classes and not self.global_pool and not self.classifies_places:
            raise ConfigError(("global_pool",), "a classifier needs pooled features: set 'avg', or num_classes to 0")
