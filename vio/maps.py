"""What lets rows of tokens work on maps, (B, C, H, W) with the channels last in memory: wrapper, norm, places."""

from __future__ import annotations

from torch import Tensor, nn


class OnMap(nn.Module):
    """A block of token rows on the places of a map in raster order; in channels-last memory nothing is moved."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        x = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        y: Tensor = self.block(x.flatten(1, 2))  # (B, L, C)
        return y.reshape(x.shape).permute(0, 3, 1, 2)


class Position(nn.Module):
    """Tells each place of a map by what is around it and by the zeros at the border (CPVT, arXiv 2102.10882).

    Unlike a table of embeddings it fits any size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        y: Tensor = x + self.conv(x)
        return y


class MapNorm(nn.LayerNorm):
    """LayerNorm over the channels of each place of a map."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
