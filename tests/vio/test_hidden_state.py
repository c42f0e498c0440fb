"""Hidden-state mixing, against the sum that it stands for."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vio.hidden_state import HiddenStateMixer
from vio.scan import ssd_noncausal


@pytest.fixture
def mixer() -> HiddenStateMixer:
    torch.manual_seed(0)
    return HiddenStateMixer(6, 4).double()


def test_it_is_the_sum_over_places_written_out(mixer):
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    tokens = x.reshape(2, 15, 6)
    want = torch.empty_like(tokens)
    for image in range(2):
        scores = torch.stack([mixer.b(token) for token in tokens[image]])  # (15, 4)
        share = scores.exp() / scores.exp().sum(0)
        states = [sum(share[t, n] * tokens[image, t] for t in range(15)) for n in range(4)]
        mixed = [mixer.out(mixer.mix(state).clamp(min=0)) for state in states]
        for t in range(15):
            asked = mixer.c(tokens[image, t]).exp()
            want[image, t] = sum(asked[n] * mixed[n] for n in range(4)) / asked.sum()
    torch.testing.assert_close(mixer(x), want.reshape(x.shape), rtol=1e-10, atol=1e-12)


def test_its_states_are_those_of_the_non_causal_scan(mixer):
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    tokens, written = x.flatten(1, 2), []
    mixer.mix.register_forward_pre_hook(lambda module, args: written.append(args[0]))
    mixer(x)
    write = F.softmax(mixer.b(tokens), dim=1)
    _, state = ssd_noncausal(tokens.unsqueeze(2), torch.zeros(2, 15, 1, dtype=torch.float64), write, write)
    torch.testing.assert_close(written[0], state.squeeze(1))


def test_the_order_of_places_does_not_matter(mixer):
    x, order = torch.randn(1, 4, 4, 6, dtype=torch.float64), torch.randperm(16)
    moved = x.reshape(1, 16, 6)[:, order].reshape(x.shape)
    torch.testing.assert_close(mixer(moved).reshape(1, 16, 6), mixer(x).reshape(1, 16, 6)[:, order])


def test_a_far_place_is_heard_and_extremes_stay_finite(mixer):
    x = torch.zeros(1, 40, 40, 6, dtype=torch.float64)
    x[0, 0, 0] = 5.0
    far = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mixer(far)[0, 39, 39].sum(), far)
    assert gradient[0, 0, 0].abs().sum() > 0
    for scale in (1e8, 1e-20):
        assert mixer(torch.randn(1, 4, 4, 6, dtype=torch.float64) * scale).isfinite().all()
