"""Folding for inference: nothing changes but the number of modules."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines.batch_norm_folding import fold_batch_norms
from baselines.live_weights import make_live
from tests.vio.models import ONE_OF_EACH, fresh, images, miniature

each = pytest.mark.parametrize("name", ONE_OF_EACH)


def _used(name: str) -> nn.Module:
    """A model whose batch norms are not identities: gains, biases and statistics are drawn."""
    model = fresh(name).eval()
    make_live(model, seed=0)
    for seed, norm in enumerate(m for m in model.modules() if isinstance(m, _BatchNorm)):
        draw = torch.Generator().manual_seed(seed)
        norm.running_mean.normal_(0, 0.2, generator=draw)
        norm.running_var.uniform_(0.5, 2, generator=draw)
        with torch.no_grad():
            norm.bias.normal_(0, 0.2, generator=draw)
    return model


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm)


def _norms(model: nn.Module) -> int:
    return sum(map(_is_norm, model.modules()))


@each
@torch.no_grad()
def test_fuse_removes_every_batch_norm_and_keeps_the_output(name):
    model, x = _used(name), images(2, 3, 64, 96)
    assert _norms(model) > 0
    want = model(x)
    assert model.fuse() is model
    assert _norms(model) == 0
    assert (model(x) - want).abs().max() < 1e-5 * want.abs().max()
    weights = dict(model.named_parameters())
    assert model.fuse() is model
    assert all(p is weights[n] for n, p in model.named_parameters()) and len(weights) == len(list(model.parameters()))


@each
@torch.no_grad()
def test_the_general_folding_of_the_harness_finds_them_too(name):
    model, x = _used(name), images(2, 3, 64, 96)
    norms, want = _norms(model), model(x)
    assert fold_batch_norms(model, torch.zeros(1, 3, 64, 96)) == norms > 0
    assert (model(x) - want).abs().max() < 1e-5 * want.abs().max()


def test_a_fresh_classifier_is_in_the_mode_of_its_model():
    model, x = miniature("vio"), images(1, 3, 64, 64)
    model = copy.deepcopy(model)
    model.reset_classifier(4, "latent")
    want = model(x)
    torch.testing.assert_close(model.fuse()(x), want, rtol=1e-5, atol=1e-5)
    assert fresh("vio_nano").train().fc.training


def test_fuse_needs_evaluation_mode():
    model = fresh("vio_nano")
    with pytest.raises(ValueError, match=r"VIO is in training mode; call model.eval\(\) before model.fuse\(\)"):
        model.fuse()
    model.eval().stages[1].train()
    with pytest.raises(ValueError, match=r"stages\.1 is in training mode"):
        model.fuse()
    assert _norms(model) > 0  # a refused change changes nothing
