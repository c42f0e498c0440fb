"""The convolutional blocks: sizes, and residuals that pass their input on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.vio.models import lively
from vio.conv import ConvNorm, DenseBlock, Downsample, LinearNorm, LocalBlock


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (35, 1)])
def test_strides_round_up(size):
    x = torch.randn(2, 3, *size)
    assert Downsample(3, 8)(x).shape == (2, 8, -(-size[0] // 2), -(-size[1] // 2))
    assert ConvNorm(3, 8, 3)(x).shape == (2, 8, *size)


@pytest.mark.parametrize(("block", "last"), [(DenseBlock(8), "conv2.norm"), (LocalBlock(8, 16), "narrow.norm")])
def test_a_block_with_a_silent_branch_is_the_identity(block, last):
    x = torch.rand(2, 8, 9, 7)  # not negative: a dense block ends in a ReLU
    assert not torch.allclose(block(x), x)
    layer = block.get_submodule(last)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    assert torch.equal(block(x), x)


def test_a_linear_norm_is_a_1x1_conv_norm_in_channels_last():
    x, one, other = torch.randn(2, 3, 5, 4), ConvNorm(3, 6, 1), LinearNorm(3, 6)
    with torch.no_grad():
        other.linear.weight.copy_(one.conv.weight.flatten(1))
    torch.testing.assert_close(other(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), one(x))
    torch.testing.assert_close(other.norm.running_var, one.norm.running_var)
    one.eval(), other.eval()
    torch.testing.assert_close(other.fused()(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), one(x))


@pytest.mark.parametrize("layer", [ConvNorm(6, 8, 3, stride=2), ConvNorm(8, 8, 5, groups=8), LinearNorm(6, 8)])
@pytest.mark.parametrize("size", [3, 40])  # fewer outputs than weights, and more
def test_a_norm_is_the_same_folded_on_the_way(layer, size):
    lively(layer)
    channels = next(layer.parameters()).shape[1] * getattr(layer.fused(), "groups", 1)
    x = torch.randn(2, size, size, channels)
    x = x if isinstance(layer, LinearNorm) else x.permute(0, 3, 1, 2)
    with torch.no_grad():
        y = layer(x)
    torch.testing.assert_close(y, layer(x).detach())
    torch.testing.assert_close(y, layer.fused()(x).detach())
