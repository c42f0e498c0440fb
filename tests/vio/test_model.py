"""The flagship: what VIO v3 promises beyond the surface that all image models share."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import vio
from tests.vio.models import built, fresh, images


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("vio_nano", 1e6, 2e6), ("vio_tiny", 3e6, 6e6), ("vio_small", 20e6, 29e6), ("vio_base", 75e6, 95e6)],
)
def test_parameter_budget(name, low, high):
    with torch.device("meta"):
        model = vio.create_model(name)
    assert low <= sum(p.numel() for p in model.parameters()) <= high


def test_the_conv_only_twin_mixes_by_convolution_alone():
    kinds = {type(m).__name__ for m in vio.create_model("vio_tiny_conv").modules()}
    assert not kinds & {"HiddenStateMixer", "SSDMixer", "PooledAttention"}
    ours, twin = (sum(p.numel() for p in vio.create_model(n).parameters()) for n in ("vio_tiny", "vio_tiny_conv"))
    assert abs(ours - twin) < 0.02 * ours


def test_overfits_a_few_images():
    model = fresh("vio_nano", num_classes=4)
    x, target = images(16, 3, 64, 64), torch.arange(16) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.0 and losses[-1] < 0.1


def test_create_model_takes_overrides():
    assert fresh("vio_nano", num_features=64).num_features == 64
    with pytest.raises(ValueError, match="classes: unknown key"):
        vio.create_model("vio_nano", classes=3)


@pytest.mark.parametrize("name", ["vio_nano", "vio_tiny"])
def test_macs_are_counted_on_the_meta_device(name):
    with torch.device("meta"):
        model = vio.create_model(name)
        x = torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        assert model.eval()(x).device.type == "meta"
    real, in_bands = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with real:
        built(name)(images(1, 3, 224, 224))
    with in_bands, torch.inference_mode():
        built(name)(images(1, 3, 224, 224))
    assert counter.get_total_flops() >= real.get_total_flops() > 2e8  # on CPU, attention is not counted
    assert 1 < in_bands.get_total_flops() / counter.get_total_flops() < 1.02  # the seams of the stem's bands


def test_both_directions_of_the_scan_are_used():
    model = fresh(
        "vio_tiny", stages=[{"width": 32, "blocks": ["ssd"]}, {"width": 64, "blocks": ["conv", "ssd", "ssd"]}]
    )
    assert [m.reverse for m in model.modules() if hasattr(m, "reverse")] == [False, True, False]
