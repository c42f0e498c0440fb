from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from baselines.live_weights import make_live


@pytest.mark.parametrize("name", ["resnet10t", "convnext_atto", "efficientvim_m1"])
def test_no_branch_of_a_fresh_model_stays_dead(name: str) -> None:
    model = timm.create_model(name).eval()
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    drawn = make_live(model, seed=0)
    assert drawn
    with torch.no_grad():
        alive = model(image)
        dict(model.named_parameters())[drawn[-1]].zero_()
        assert not torch.allclose(model(image), alive, rtol=1e-4)  # the last branch now reaches the output
    assert torch.isfinite(alive).all()


def test_gains_are_drawn_near_one_and_repeatably() -> None:
    def gains() -> torch.Tensor:
        model = timm.create_model("resnet18")
        make_live(model, seed=3)
        return model.layer4[1].bn2.weight.detach()

    assert torch.equal(gains(), gains())
    assert gains().mean() == pytest.approx(1.0, abs=0.05)
    assert 0.05 < float(gains().std()) < 0.15


def test_biases_and_ordinary_weights_are_left_alone() -> None:
    layer = nn.Linear(4, 4)
    nn.init.zeros_(layer.bias)
    before = layer.weight.clone()
    assert make_live(layer, seed=0) == []
    assert torch.equal(layer.weight, before)
    assert not layer.bias.any()


def test_a_zero_matrix_becomes_a_matrix_of_ordinary_scale() -> None:
    layer = nn.Linear(64, 64)
    nn.init.zeros_(layer.weight)
    make_live(layer, seed=0)
    assert float(layer.weight.detach().std()) == pytest.approx(64**-0.5, rel=0.1)


def test_a_scalar_gain_is_made_live_and_a_token_is_not_touched() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rezero = nn.Parameter(torch.zeros(1))
            self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))

    block = Block()
    assert make_live(block, seed=0) == ["rezero"]
    assert float(block.rezero.detach()) == pytest.approx(1, abs=0.5)
    assert not block.cls_token.any()
