"""MambaVision as its document describes it: one width, Mamba mixers and attention in turn, behind a patch embedding.

The idea is that of "MambaVision: A Hybrid Mamba-Transformer Vision Backbone" (arXiv 2407.08083).

Letters:
    B  batch      L  length in tokens, H W      C  width      N  state size a channel      R  rank of the step sizes
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vio.attention import SelfAttention
from vio.backbone import Backbone
from vio.blocks import scale_residuals
from vio.configs.mambavision import MambaVisionConfig
from vio.conv import ConvNorm
from vio.maps import MapNorm
from vio.scan import selective_scan
from vio.scan.checks import full_precision, scan_dtype
from vio.tokens import TokenConv, keep_variance
from vio.transformer_block import FeedForward

STRIDE = 16

STEP_RANGE = (1e-3, 1e-1)
"""Initial step sizes, log-uniform over the channels, as in Mamba's reference code (arXiv 2312.00752, section 3.6)."""

CHANNELS_A_STEP_RANK = 16
"""The step sizes of C channels come from C / 16 numbers (rounded up), as in Mamba's reference code."""


class PatchEmbedding(nn.Sequential):
    """Four 3x3 convolutions of stride 2, the width doubling at each: (B, in_chans, H, W) -> (B, width, H/16, W/16).

    The document asks for a "CNN-based projection" and says no more. This is the convolutional stem of arXiv 2106.14881.
    Its zero padding also tells the places apart, so that no position embedding has to be resized.
    """

    def __init__(self, in_chans: int, width: int) -> None:
        widths = [in_chans, *(-(-width // part) for part in (8, 4, 2, 1))]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            halve = ConvNorm(before, after, 3, stride=2)
            nn.init.kaiming_normal_(halve.conv.weight, nonlinearity="relu")
            layers += [halve, nn.ReLU(inplace=True)]
        super().__init__(*layers[:-1])  # tokens are signed

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> (B, width, H/16, W/16), in channels-last memory."""
        y: Tensor = super().forward(x.contiguous(memory_format=torch.channels_last))
        return y


class MambaVisionMixer(nn.Module):
    """A branch that scans and a symmetric one that does not: (B, L, C) -> the same.

    Of the document are the modules and their shapes: `in_proj` (C to 2C), `conv1d_left` and `conv1d_right` (depthwise,
    kernel 4), `ssm_A`, `ssm_B` and `ssm_C` (C, N), `linear_left` and `linear_right` (C to C); and the words "simplified
    selective scan" and "input-dependent parameter selection". It has no forward. Ours, in the spirit of the paper:

    - Both convolutions see one token before each, itself and two after it: what padding="same" gives for a kernel of 4.
      The paper takes it in place of Mamba's causal convolution, since an image has no before and after.
    - The left half of `in_proj` is scanned and the right half is not. The paper projects both, side by side, back to C;
      the document's two output projections, added up, are that one projection cut in two.
    - What selects are `ssm_B` and `ssm_C`: they project each token to its own b and c (B, L, N), which is Mamba's
      selection. `ssm_A` holds the logs of the decay rates, from 1 to N at first; the document draws it near 0.
    - The step size, through which an input opens or shuts the state, is Mamba's: low rank, softplus. So is the skip
      `ssm_D`. The document has neither.

    Costs L (4 C^2 + 2 C N + 2 C R + 2 C kernel) MACs, and the scan's. Step sizes and decays are float32 under autocast.
    """

    def __init__(self, width: int, state_size: int, kernel: int) -> None:
        super().__init__()
        rank = -(-width // CHANNELS_A_STEP_RANK)
        self.in_proj = nn.Linear(width, 2 * width)
        self.conv1d_left = TokenConv(width, kernel, causal=False)
        self.conv1d_right = TokenConv(width, kernel, causal=False)
        self.ssm_A = nn.Parameter(torch.empty(width, state_size))
        self.ssm_B = nn.Parameter(torch.empty(width, state_size))
        self.ssm_C = nn.Parameter(torch.empty(width, state_size))
        self.ssm_D = nn.Parameter(torch.ones(width))
        self.step_down = nn.Linear(width, rank, bias=False)
        self.step_up = nn.Linear(rank, width)
        self.linear_left = nn.Linear(width, width)
        self.linear_right = nn.Linear(width, width)
        keep_variance(self.in_proj, self.step_down, self.linear_left, self.linear_right)
        for layer in (self.in_proj, self.linear_left, self.linear_right):
            nn.init.zeros_(layer.bias)
        for local in (self.conv1d_left, self.conv1d_right):
            nn.init.kaiming_normal_(local.conv.weight, nonlinearity="linear")
        self.reset_dynamics()

    @torch.no_grad()
    def reset_dynamics(self) -> None:
        """Set decay rates, projections to b and c, and step sizes as Mamba does (arXiv 2312.00752, section 3.6)."""
        width, size = self.ssm_A.shape
        self.ssm_A.copy_(torch.arange(1, size + 1, device=self.ssm_A.device).log())
        self.ssm_B.normal_(std=width**-0.5)
        self.ssm_C.normal_(std=width**-0.5)
        bound = self.step_up.in_features**-0.5
        self.step_up.weight.uniform_(-bound, bound)
        low, high = (math.log(bound) for bound in STEP_RANGE)
        step = torch.empty_like(self.step_up.bias).uniform_(low, high).exp()
        self.step_up.bias.copy_(step.expm1().log())  # the inverse of softplus

    def forward(self, u: Tensor) -> Tensor:
        """(B, L, C) -> the same."""
        left, right = self.in_proj(u).chunk(2, dim=-1)  # (B, L, C) each
        left = self.scan(F.silu(self.conv1d_left(left)))
        right = F.silu(self.conv1d_right(right))
        y: Tensor = self.linear_left(left) + self.linear_right(right)
        return y

    def ends(self) -> tuple[nn.Linear, ...]:
        """The two output projections."""
        return self.linear_left, self.linear_right

    def scan(self, x: Tensor) -> Tensor:
        """The selective scan in raster order, (B, L, C) -> the same."""
        b = torch.matmul(x, self.ssm_B)  # (B, L, N)
        c = torch.matmul(x, self.ssm_C)  # (B, L, N)
        wide = scan_dtype(self.ssm_A)
        with full_precision(x.device.type):
            step = F.softplus(self.step_up(self.step_down(x.to(self.ssm_A.dtype))).to(wide))  # (B, L, C)
            rate = -self.ssm_A.to(wide).exp()  # (C, N)
        y, _ = selective_scan(x, step, rate, b, c, self.ssm_D)
        return y


class TokenBlock(nn.Module):
    """A mixer of tokens, then a feed-forward layer, each a residual behind its LayerNorm; on maps (B, C, H, W)."""

    def __init__(self, mixer: nn.Module, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.mixer = mixer
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        rows, cols = x.shape[2:]
        x = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, L, C)
        x = x + self.mixer(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        y: Tensor = x.unflatten(1, (rows, cols)).permute(0, 3, 1, 2)  # (B, C, H, W)
        return y


class MambaVision(Backbone):
    """The document's plain shape; see `Backbone` for what goes in and out.

    What the document claims, and what is counted here (1000 classes; its examples have 10):

    | model | document | counted, 1000 classes | 10 classes | top-1 on ImageNet, document |
    |---|---|---|---|---|
    | tiny, 192 x 6 | ~3.2 M | 3.13 M | 2.94 M | 81.5 % |
    | small, 384 x 8 | ~22 M | 15.6 M | 15.2 M | 84.3 % |
    | base, 768 x 12 | ~86 M | 90.0 M | 89.3 M | none |

    The accuracies are not measured here. The published models are others, pyramids of four stages with attention in the
    later half of the last two: 82.3 % at 31.8 M, 83.3 % at 50.1 M and 84.2 % at 97.7 M parameters (arXiv 2407.08083).

    Of the document: widths, depths, the mixer's modules (see `MambaVisionMixer`), alternation, `mamba_ratio`. Of the
    paper: a feed-forward layer of 4 C behind every mixer, Mamba's too. Ours: the form of the patch embedding, heads of
    64 channels, Mamba first. Attention is over all tokens, so the whole is quadratic in them wherever a block attends.
    """

    def __init__(self, config: MambaVisionConfig) -> None:
        width = config.width
        super().__init__(
            config,
            stem=PatchEmbedding(config.in_chans, width),
            stages=[TokenBlock(_mixer(kind, config), width, round(width * config.mlp_ratio)) for kind in config.mixers],
            widths=[width] * config.depth,
            strides=[STRIDE] * config.depth,
            tail=MapNorm(width),
            num_features=width,
        )
        scale_residuals(self.stages)


def _mixer(kind: str, config: MambaVisionConfig) -> nn.Module:
    if kind == "mamba":
        return MambaVisionMixer(config.width, config.state_size, config.conv_kernel)
    return SelfAttention(config.width, config.head_width)
