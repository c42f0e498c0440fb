"""VIO v1 and v2: the recurrence against torch's own, the mixing against MLP-Mixer's, and where each looks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import vio
from vio.ancestors import GridMixerBlock, resample
from vio.attention import SelfAttention
from vio.configs.reader import ConfigError
from vio.recurrence import BidirectionalGRU, RecurrentSweep

NARROW = {
    "vio_v1_tiny": {"widths": [8, 16, 16], "depths": [1, 1, 1], "recurrent_width": 6},
    "vio_v2_tiny": {
        "conv_width": 8,
        "conv_depth": 1,
        "attention_width": 16,
        "attention_depth": 2,
        "mixing_width": 16,
        "mixing_depth": 2,
        "head_width": 8,
    },
}
both = pytest.mark.parametrize("name", sorted(NARROW))


def narrow(name: str, **changes) -> nn.Module:
    torch.manual_seed(0)
    shape = {**NARROW[name], "stem_width": 8, "num_features": 24, "num_classes": 5}
    return vio.create_model(name, **{**shape, **changes})


def influence(module: nn.Module, size: tuple[int, int], place: tuple[int, int]) -> torch.Tensor:
    """Which places of the output change when one place of the input does: a map of booleans."""
    x = torch.randn(1, 16, *size, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, place[0], place[1]] += torch.randn(16, dtype=torch.float64)  # a LayerNorm hides a constant
    module = module.double().eval()
    with torch.inference_mode():
        return (module(x) - module(changed)).abs().amax((0, 1)) > 1e-12


@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_recurrence_is_that_of_torch(length):
    torch.manual_seed(length)
    ours = BidirectionalGRU(7, 5).double()
    nn.init.normal_(ours.input.bias)
    nn.init.normal_(ours.candidate_bias)
    theirs = nn.GRU(7, 5, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for direction, suffix in enumerate(("", "_reverse")):
            rows = slice(15 * direction, 15 * (direction + 1))
            getattr(theirs, f"weight_ih_l0{suffix}").copy_(ours.input.weight[rows])
            getattr(theirs, f"bias_ih_l0{suffix}").copy_(ours.input.bias[rows])
            getattr(theirs, f"weight_hh_l0{suffix}").copy_(ours.recurrent[direction].T)
            bias = torch.cat([torch.zeros(10), ours.candidate_bias[direction, 0]])
            getattr(theirs, f"bias_hh_l0{suffix}").copy_(bias)
    x = torch.randn(3, length, 7, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x)[0])


def test_the_recurrence_starts_with_orthogonal_memory():
    torch.manual_seed(0)
    for direction in BidirectionalGRU(7, 5).recurrent:
        for gate in direction.chunk(3, dim=1):
            torch.testing.assert_close(gate @ gate.T, torch.eye(5))


def test_the_recurrence_is_float32_under_autocast():
    torch.manual_seed(0)
    gru, x = BidirectionalGRU(16, 8), torch.randn(2, 400, 16)
    with torch.inference_mode():
        want = gru(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = gru(x)
    assert (got.float() - want).norm() / want.norm() < 0.01  # the input's rounding, and no drift on top


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (9, 3)])
@pytest.mark.parametrize("make", [lambda: RecurrentSweep(16, 6), lambda: GridMixerBlock(16, 7, 2.0)])
def test_each_place_hears_of_every_other(make, size):
    torch.manual_seed(0)
    assert influence(make(), size, (0, 0)).all()
    assert influence(make(), size, (size[0] - 1, size[1] // 2)).all()


@settings(deadline=None, max_examples=50)
@given(st.tuples(*[st.integers(1, 12)] * 4))
def test_resampling_keeps_the_mean_and_what_is_constant(sizes):
    height, width, rows, cols = sizes
    x = torch.randn(2, height, width, 3, dtype=torch.float64)
    y = resample(x, rows, cols)
    assert y.shape == (2, rows, cols, 3)
    torch.testing.assert_close(y.mean((1, 2)), x.mean((1, 2)))
    torch.testing.assert_close(resample(torch.ones_like(x), rows, cols), torch.ones_like(y))


@pytest.mark.parametrize("size", [(7, 7), (14, 21), (28, 7)])
def test_resampling_to_a_grid_that_divides_is_average_pooling(size):
    x = torch.randn(2, *size, 3)
    want = F.adaptive_avg_pool2d(x.permute(0, 3, 1, 2), 7).permute(0, 2, 3, 1)
    torch.testing.assert_close(resample(x, 7, 7), want)


def test_on_a_map_of_the_grid_s_size_the_mixing_is_mlp_mixer_s():
    torch.manual_seed(0)
    block, x = GridMixerBlock(16, 7, 2.0), torch.randn(2, 16, 7, 7)
    tokens = x.flatten(2).transpose(1, 2)  # (B, 49, C)
    tokens = tokens + block.places(block.norm1(tokens).transpose(1, 2)).transpose(1, 2)
    tokens = tokens + block.channels(block.norm2(tokens))
    torch.testing.assert_close(block(x), tokens.transpose(1, 2).unflatten(2, (7, 7)))


def test_attention_comes_early_and_token_mixing_behind_it():
    model = narrow("vio_v2_tiny")
    attends = [any(isinstance(m, SelfAttention) for m in stage.modules()) for stage in model.stages]
    mixes = [any(isinstance(m, GridMixerBlock) for m in stage.modules()) for stage in model.stages]
    assert attends == [False, True, False] and mixes == [False, False, True]
    assert [level["reduction"] for level in model.feature_info] == [8, 16, 32]


@both
def test_about_five_million_parameters(name):
    with torch.device("meta"):
        model = vio.create_model(name)
    assert 4.5e6 < sum(p.numel() for p in model.parameters()) < 5.5e6


@both
@pytest.mark.parametrize("size", [(32, 32), (33, 97), (250, 131)])
def test_any_size_goes_through_a_model_that_is_alive(name, size):
    model = narrow(name).eval()
    with torch.inference_mode():
        features = model.forward_features(torch.randn(2, 3, *size))
    assert features.shape == (2, 24, -(-size[0] // 32), -(-size[1] // 32))
    assert 0.01 < features.std() < 10


@both
def test_every_parameter_learns(name):
    model = narrow(name)
    F.cross_entropy(model(torch.randn(4, 3, 64, 96)), torch.arange(4)).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@both
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e10])
def test_extreme_input_stays_finite(name, scale):
    model = narrow(name).eval()
    logits = model(torch.randn(1, 3, 64, 64) * scale)
    logits.logsumexp(1).sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_the_sweep_compiles_as_one_graph():
    """What torch's own GRU does not, and why there is one here."""
    torch.manual_seed(0)
    sweep, x = RecurrentSweep(16, 6), torch.randn(2, 16, 3, 4)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(sweep, backend="eager", fullgraph=True)(x), sweep(x))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("vio_v1_tiny", {"widths": []}, "at least one stage"),
        ("vio_v1_tiny", {"depths": [1, 1]}, "2 depths for 3 widths"),
        ("vio_v1_tiny", {"depths": [1, 0, 1]}, "depths: must all be above 0"),
        ("vio_v1_tiny", {"widths": [8, -8, 8]}, "widths: must all be above 0"),
        ("vio_v1_tiny", {"recurrent_width": 0}, "recurrent_width: must be above 0"),
        ("vio_v2_tiny", {"head_width": 5}, "5 does not divide the attention width 16"),
        ("vio_v2_tiny", {"attention_depth": 0}, "attention_depth: must be above 0"),
        ("vio_v2_tiny", {"grid": -1}, "grid: must be above 0"),
        ("vio_v2_tiny", {"expansion": 0.001}, "no hidden channel"),
    ],
)
def test_what_does_not_add_up_is_refused(name, changes, message):
    with pytest.raises(ConfigError, match=message):
        narrow(name, **changes)
