"""VIO v1 and v2, the ancestors, as rows of an ablation: the same stem, head and class of size as the flagship's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vio.attention import SelfAttention
from vio.backbone import Backbone
from vio.blocks import scale_residuals
from vio.configs.ancestors import VIOv1Config, VIOv2Config
from vio.conv import ConvNorm, DenseBlock, Downsample
from vio.mambavision import TokenBlock
from vio.recurrence import RecurrentSweep
from vio.stem import Stem
from vio.transformer_block import FeedForward

FIRST_STRIDE = 8


class VIOv1(Backbone):
    """The first ancestor, "basic CNN-RNN hybrid"; see `Backbone` for what goes in and out.

    Stages of dense 3x3 convolutions down to stride 32, and there a recurrent sweep over the places. The document says
    that it generalised poorly, and nothing of layers or size: both are ours. Counted: 5.12 M parameters.
    """

    def __init__(self, config: VIOv1Config) -> None:
        before = [config.stem_width, *config.widths[:-1]]
        stages = [
            nn.Sequential(Downsample(narrow, width), *(DenseBlock(width) for _ in range(depth)))
            for narrow, width, depth in zip(before, config.widths, config.depths, strict=True)
        ]
        stages[-1].append(RecurrentSweep(config.widths[-1], config.recurrent_width))
        super().__init__(
            config,
            stem=Stem(config.in_chans, config.stem_width),
            stages=stages,
            widths=config.widths,
            strides=[FIRST_STRIDE * 2**index for index in range(len(stages))],
            tail=_tail(config.widths[-1], config.num_features),
            num_features=config.num_features,
        )


class GridMixerBlock(nn.Module):
    """MLP-Mixer's block (arXiv 2105.01601) for maps of any size: mix places on a fixed grid, then channels.

    The map is averaged onto a grid of G x G places, two linear maps mix those, each channel by itself, and what comes
    out is spread over the map again. Where the map has G x G places, at 224 px here, that is MLP-Mixer's layer exactly.
    Costs about 2 C (G L + E G^4) + 2 E L C^2 MACs an image of L = H W places, at expansion E.
    """

    def __init__(self, width: int, grid: int, expansion: float) -> None:
        super().__init__()
        self.grid = grid
        self.norm1 = nn.LayerNorm(width)
        self.places = FeedForward(grid**2, round(grid**2 * expansion))
        self.norm2 = nn.LayerNorm(width)
        self.channels = FeedForward(width, round(width * expansion))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        x = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        x = x + self.mix_places(self.norm1(x))
        x = x + self.channels(self.norm2(x))
        return x.permute(0, 3, 1, 2)

    def mix_places(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> the same."""
        y = resample(x, self.grid, self.grid).flatten(1, 2)  # (B, G^2, C)
        y = self.places(y.transpose(1, 2)).transpose(1, 2)  # (B, G^2, C)
        return resample(y.unflatten(1, (self.grid, self.grid)), x.shape[1], x.shape[2])  # (B, H, W, C)


def resample(x: Tensor, rows: int, cols: int) -> Tensor:
    """Average a map (B, H, W, C) over the area that each of rows x cols places covers: (B, rows, cols, C).

    Two matrix products, which any size, backend and exporter takes, and whose gradient is deterministic on CUDA:
    adaptive pooling and interpolation each lack one of these.
    """
    batch, height, width, channels = x.shape
    x = torch.matmul(_overlap(height, rows, x), x.reshape(batch, height, width * channels))  # (B, rows, W C)
    x = x.reshape(batch * rows, width, channels)
    x = torch.matmul(_overlap(width, cols, x), x)  # (B rows, cols, C)
    return x.reshape(batch, rows, cols, channels)


def _overlap(source: int, target: int, like: Tensor) -> Tensor:
    """Weights (target, source) that average `source` places onto `target` ones by the length that they share."""
    wide = torch.promote_types(like.dtype, torch.float32)
    starts = torch.arange(target, device=like.device, dtype=wide).unsqueeze(1) * (source / target)  # (target, 1)
    places = torch.arange(source, device=like.device, dtype=wide)  # (source,)
    shared = torch.minimum(starts + source / target, places + 1) - torch.maximum(starts, places)
    return (shared.clamp(min=0) * (target / source)).to(like.dtype)


class VIOv2(Backbone):
    """The second ancestor, "token mixing layers + early attention"; see `Backbone` for what goes in and out.

    Dense convolutions at stride 8; then attention, early, where hybrids as a rule have it last; then at stride 32
    token mixing and feed-forward layers. The document calls it "still bottlenecked", and this is where: attention is
    over all tokens at stride 16, quadratic in them (196 at 224 px, 4,096 at 1024 px). Its memory is not where torch's
    fused kernels run. The document says nothing of layers or size: both are ours. Counted: 5.05 M parameters.
    """

    def __init__(self, config: VIOv2Config) -> None:
        widths = (config.conv_width, config.attention_width, config.mixing_width)
        stages = (
            nn.Sequential(
                Downsample(config.stem_width, config.conv_width),
                *(DenseBlock(config.conv_width) for _ in range(config.conv_depth)),
            ),
            nn.Sequential(
                Downsample(config.conv_width, config.attention_width),
                *(_attention_block(config) for _ in range(config.attention_depth)),
            ),
            nn.Sequential(
                Downsample(config.attention_width, config.mixing_width),
                *(
                    GridMixerBlock(config.mixing_width, config.grid, config.expansion)
                    for _ in range(config.mixing_depth)
                ),
            ),
        )
        super().__init__(
            config,
            stem=Stem(config.in_chans, config.stem_width),
            stages=stages,
            widths=widths,
            strides=[FIRST_STRIDE * 2**index for index in range(len(stages))],
            tail=_tail(widths[-1], config.num_features),
            num_features=config.num_features,
        )
        for stage in stages[1:]:
            scale_residuals(stage)


def _attention_block(config: VIOv2Config) -> nn.Module:
    width = config.attention_width
    return TokenBlock(SelfAttention(width, config.head_width), width, round(width * config.expansion))


def _tail(width: int, num_features: int) -> nn.Module:
    return nn.Sequential(ConvNorm(width, num_features, 1), nn.ReLU(inplace=True))
