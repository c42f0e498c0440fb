"""Configuration of VIO-1D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vio.configs.base import ModelConfig
from vio.configs.reader import ConfigError, require_hidden_channel, require_one_of, require_positive

BLOCKS = ("gated_conv", "mamba", "transformer", "parallel")
MAMBA_EXPANSION = 2
"""Inner width of a mamba block, as a multiple of its width; it is then half as large as a transformer block."""


@dataclass(frozen=True, kw_only=True)
class VIO1DConfig(ModelConfig):
    """A projection of each token, blocks of one width, a pool and a classifier."""

    architecture: ClassVar[str] = "vio_1d"
    pools: ClassVar[tuple[str, ...]] = ("avg", "last", "latent", "")
    classifies_places: ClassVar[bool] = True

    in_chans: int = 5
    """Numbers a token, such as one-hot A C G T N; without meaning where there is a vocabulary."""
    vocab_size: int | None = None
    """Tokens are whole numbers below this; null where they come as rows of `in_chans` numbers."""
    width: int
    """Channels of a token inside the model."""
    blocks: tuple[str, ...]
    """Kind of each block, one of BLOCKS; 'parallel' is a mamba and a transformer block on the same input."""
    causal: bool = False
    """No token sees a later one. If not, mamba blocks look back and ahead by turns."""
    kernel: int = 9
    """Tokens that the convolution of a gated_conv block sees."""
    head_width: int = 32
    """Channels of a head, of a scan or of attention."""
    state_size: int = 32
    """State of a scan, in numbers a channel."""
    mamba_kernel: int = 4
    """Tokens that the short convolutions of a mamba block see."""
    expansion: float = 4.0
    """Hidden width of a transformer block's feed-forward layer, as a multiple of the width."""
    window: int | None = None
    """Reach of attention to either side; null for all tokens."""

    @property
    def input_shape(self) -> tuple[str | int, ...]:
        """Rows of numbers, or whole numbers where there is a vocabulary."""
        return ("B", "L", self.in_chans) if self.vocab_size is None else ("B", "L")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width", "kernel", "head_width", "state_size", "mamba_kernel", "expansion")
        for name in ("vocab_size", "window"):
            if getattr(self, name) is not None:
                require_positive(self, name)
        if not self.blocks:
            raise ConfigError(("blocks",), "a model needs at least one block")
        require_one_of(self, "blocks", BLOCKS)
        if not self.causal and self.kernel % 2 == 0:
            raise ConfigError(("kernel",), f"must be odd to be centred on its token, got {self.kernel}; or set causal")
        require_hidden_channel(self, self.width)
        check_heads(self.width, self.head_width, self.blocks)


def check_heads(width: int, head_width: int, blocks: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless the heads of each kind of block divide the channels that they share."""
    attends = {"transformer", "parallel"} & set(blocks)
    if attends and width % head_width:
        raise ConfigError(("head_width",), f"{head_width} does not divide the width {width}")
    if attends and head_width % 2:
        raise ConfigError(("head_width",), f"must be even for rotary attention, got {head_width}")
    if "mamba" in blocks and MAMBA_EXPANSION * width % head_width:
        raise ConfigError(("head_width",), f"{head_width} does not divide {MAMBA_EXPANSION} times the width {width}")
