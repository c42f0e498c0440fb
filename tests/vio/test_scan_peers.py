"""Whole Mamba and Mamba-2 mixers of other libraries, and the same weights around the scans here."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.vio.scan_reference import error
from vio.scan import LOG_DECAY_MIN, selective_scan, ssd

WIDTH, STATE, HEADS, TOKENS = 12, 4, 6, 75


def causal_conv(mixer, u):
    """(B, L, C) -> the same, by the peer's own weights."""
    return F.silu(mixer.conv1d(u.transpose(1, 2))[..., : u.shape[1]].transpose(1, 2))


def mamba_by_selective_scan(mixer, x):
    """A peer's Mamba mixer with our scan in the middle: mambapy and transformers name their weights alike."""
    u, gate = mixer.in_proj(x).chunk(2, -1)
    u = causal_conv(mixer, u)
    rank = mixer.dt_proj.in_features
    dt, B, C = mixer.x_proj(u).split([rank, STATE, STATE], -1)
    y, _ = selective_scan(u, F.softplus(mixer.dt_proj(dt)), -mixer.A_log.exp(), B, C, mixer.D)
    return mixer.out_proj(y * F.silu(gate))


def gradients(mixer, forward, x):
    parameters = list(mixer.parameters())
    return torch.autograd.grad(forward(x).square().sum(), parameters)


def assert_agree(mixer, ours):
    torch.manual_seed(0)
    x = torch.randn(2, TOKENS, WIDTH, dtype=torch.float64)
    assert error(ours(x), mixer(x)) < 1e-5
    for got, want in zip(gradients(mixer, ours, x), gradients(mixer, mixer, x), strict=True):
        assert error(got, want) < 1e-5


@pytest.mark.parametrize("parallel", [True, False])
def test_selective_scan_agrees_with_mambapy(parallel):
    mamba = pytest.importorskip("mambapy.mamba")
    torch.manual_seed(0)
    mixer = mamba.MambaBlock(mamba.MambaConfig(d_model=WIDTH, n_layers=1, d_state=STATE, pscan=parallel)).double()
    if not parallel:  # its sequential form starts from a state in the default dtype
        mixer = mixer.float()
        x = torch.randn(2, TOKENS, WIDTH)
        assert error(mamba_by_selective_scan(mixer, x), mixer(x).double()) < 1e-5
        return
    assert_agree(mixer, lambda x: mamba_by_selective_scan(mixer, x))


def test_selective_scan_agrees_with_transformers():
    transformers = pytest.importorskip("transformers")
    from transformers.models.mamba.modeling_mamba import MambaMixer

    torch.manual_seed(0)
    config = transformers.MambaConfig(hidden_size=WIDTH, state_size=STATE, num_hidden_layers=1)
    mixer = MambaMixer(config, 0).double()
    assert_agree(mixer, lambda x: mamba_by_selective_scan(mixer, x))


def mamba2_by_ssd(mixer, x):
    """transformers' Mamba-2 mixer with our scan in the middle."""
    inner = mixer.intermediate_size
    gate, u, dt = mixer.in_proj(x).split([inner, mixer.conv_dim, mixer.num_heads], -1)
    u, b, c = causal_conv(mixer, u).split([inner, STATE, STATE], -1)
    u = u.unflatten(-1, (mixer.num_heads, -1))
    dt = F.softplus(dt + mixer.dt_bias)
    log_decay = -dt * mixer.A_log.exp()
    assert log_decay.min() > LOG_DECAY_MIN  # or the two compute different functions
    y, _ = ssd(u * dt.unsqueeze(-1), log_decay, b, c)
    y = y + u * mixer.D.unsqueeze(-1)
    return mixer.out_proj(mixer.norm(y.flatten(2), gate))


def test_ssd_agrees_with_transformers():
    transformers = pytest.importorskip("transformers")
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    torch.manual_seed(0)
    config = transformers.Mamba2Config(
        hidden_size=WIDTH, state_size=STATE, num_heads=HEADS, head_dim=4, expand=2, n_groups=1, chunk_size=32
    )
    mixer = Mamba2Mixer(config, 0).double()
    assert_agree(mixer, lambda x: mamba2_by_ssd(mixer, x))
