from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

import vio
from baselines.batch_norm_folding import fold_batch_norms
from baselines.live_weights import make_live


def _error(model: nn.Module, before: torch.Tensor, image: torch.Tensor) -> float:
    with torch.no_grad():
        return float((model(image) - before).abs().max() / before.abs().max())


@pytest.mark.parametrize("name", ["resnet10t", "efficientvim_m1", "mobilenetv3_small_050"])
def test_folding_removes_every_norm_after_a_convolution_and_keeps_the_output(name: str) -> None:
    model = timm.create_model(name).eval()
    make_live(model, seed=0)
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = model(image)
    norms = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    folded = fold_batch_norms(model, torch.zeros(1, 3, 64, 64))
    left = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    assert folded > 0
    assert left == norms - folded
    assert _error(model, before, image) < 1e-4


def test_a_norm_that_is_not_fed_by_one_layer_alone_is_left() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.first, self.second = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return self.first(x) + self.second(x)

    assert fold_batch_norms(Shared().eval(), torch.zeros(1, 3, 8, 8)) == 0


def test_a_model_without_batch_norm_is_left_as_it_is() -> None:
    model = timm.create_model("convnext_atto").eval()
    assert fold_batch_norms(model, torch.zeros(1, 3, 64, 64)) == 0


def test_an_activation_in_place_between_them_keeps_a_norm_from_folding() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.BatchNorm2d(4)).eval()
    assert fold_batch_norms(model, torch.randn(1, 3, 8, 8)) == 0


def test_a_norm_without_statistics_is_left() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    assert fold_batch_norms(model, torch.randn(1, 3, 8, 8)) == 0


def test_a_norm_behind_a_linear_map_is_reached_through_a_view() -> None:
    model = vio.create_model("vio_nano").eval()
    make_live(model, seed=0)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = model(image)
    fold_batch_norms(model, torch.zeros(1, 3, 64, 64))
    left = [name for name, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert left == []
    assert _error(model, before, image) < 1e-4


def test_a_norm_over_other_channels_than_the_layers_is_left() -> None:
    class Regrouped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.norm(self.linear(x).view(-1, 2))
            return y

    assert fold_batch_norms(Regrouped().eval(), torch.randn(5, 3)) == 0
