"""What every model's configuration has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.reader import ConfigError, require_positive

POOLS = ("avg", "")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Input and output of a model. Subclasses add what is between."""

    architecture: ClassVar[str]
    """The name of the architecture in `vio.configs.ARCHITECTURES`."""

    num_classes: int = 1000
    """Outputs of the classifier; 0 for none."""
    in_chans: int = 3
    """Channels of the input."""
    global_pool: str = "avg"
    """'avg', or '' to keep every place (then without a classifier)."""

    def __post_init__(self) -> None:
        require_positive(self, "in_chans")
        if self.num_classes < 0:
            raise ConfigError(("num_classes",), f"must be 0 or more, got {self.num_classes}")
        if self.global_pool not in POOLS:
            raise ConfigError(("global_pool",), f"must be one of {POOLS}, got {self.global_pool!r}")
        if self.num_classes and not self.global_pool:
            raise ConfigError(("global_pool",), "a classifier needs pooled features: set 'avg', or num_classes to 0")
