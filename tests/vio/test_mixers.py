"""The two mixers that reach beyond a neighbourhood: how far each place sees, and in which direction."""

from __future__ import annotations

import pytest
import torch

from vio.attention import GRID, PooledAttention
from vio.mamba_block import STEP_RANGE
from vio.scan import LOG_DECAY_MIN, bound_log_decay
from vio.ssd_mixer import SSDMixer


def influence(mixer: torch.nn.Module, size: tuple[int, int], place: tuple[int, int]) -> torch.Tensor:
    """Which places of the output change when one place of the input does: a map of booleans."""
    torch.manual_seed(0)
    x = torch.randn(1, 32, *size, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, place[0], place[1]] += 1.0
    mixer = mixer.double().eval()
    with torch.inference_mode():
        return (mixer(x) - mixer(changed)).abs().amax((0, 1)) > 1e-12


def test_the_scan_reaches_all_later_places_and_no_earlier_ones():
    # The 3x3 convolution before the scan spreads the change by one place, so it starts at (2, 4) for (3, 5).
    seen = influence(SSDMixer(32, 16, 4, reverse=False), (9, 11), (3, 5)).flatten()
    assert not seen[: 2 * 11 + 4].any()
    assert seen[2 * 11 + 4 :].all()


def test_the_reversed_scan_reaches_all_earlier_places():
    seen = influence(SSDMixer(32, 16, 4, reverse=True), (9, 11), (3, 5)).flatten()
    assert seen[: 4 * 11 + 7].all()
    assert not seen[4 * 11 + 7 :].any()


def test_decays_start_inside_the_bound_and_differ_between_heads():
    torch.manual_seed(0)
    mixer = SSDMixer(512, 8, 4, reverse=False)
    step = torch.sigmoid(mixer.step.bias)
    assert step.min() >= STEP_RANGE[0] * 0.999 and step.max() <= STEP_RANGE[1] * 1.001
    log_decay = bound_log_decay(step * mixer.log_rate.exp())
    assert log_decay.min() > LOG_DECAY_MIN
    assert log_decay.min() / log_decay.max() > 20


def test_a_head_that_forgets_at_the_bound_can_learn_to_remember():
    torch.manual_seed(0)
    mixer, x = SSDMixer(16, 8, 4, reverse=False).double(), torch.randn(2, 16, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        mixer.log_rate.fill_(6.0)  # the rate alone is 400 times the scan's bound
    mixer(x).square().sum().backward()
    assert mixer.log_rate.grad.abs().min() > 1e-6


@torch.no_grad()
def test_what_is_remembered_weighs_as_much_as_what_passes_by():
    """With a single place that is written whole, reading it back gives c.b = cos * sqrt(N) of it: 1 on average."""
    torch.manual_seed(0)
    mixer, u = SSDMixer(64, 64, 16, reverse=False).eval(), torch.randn(500, 64, 1, 1)
    mixer.step.bias.fill_(50.0)  # a step size of 1
    for layer in (mixer.gate, mixer.out):
        layer.weight.copy_(torch.eye(64))
    passed = mixer(u)
    mixer.skip.zero_()
    read = mixer(u)
    assert 0.8 < read.std() / (passed - read).std() < 1.25


def test_decays_are_computed_in_full_precision_under_autocast():
    torch.manual_seed(0)
    mixer, u = SSDMixer(32, 16, 4, reverse=False), torch.randn(2, 5, 32)
    want = mixer.dynamics(u)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = mixer.dynamics(u)
    for left, right in zip(got, want, strict=True):
        assert torch.equal(left, right) and left.dtype == torch.float32


def test_the_scan_mixer_is_homogeneous_at_large_input():
    """Unit-length b and c and bounded gates: ten times the input gives at most some ten times the output."""
    torch.manual_seed(0)
    mixer = SSDMixer(32, 16, 4, reverse=False).eval()
    x = torch.randn(1, 32, 8, 8)
    with torch.inference_mode():
        small, large = mixer(1e6 * x).abs().max(), mixer(1e7 * x).abs().max()
    assert large < 11 * small


@pytest.mark.parametrize("size", [(7, 7), (9, 16), (1, 1), (3, 40)])
def test_attention_reaches_every_place(size):
    torch.manual_seed(0)
    assert influence(PooledAttention(32, 16), size, (0, 0)).all()


@pytest.mark.parametrize(("size", "keys"), [((7, 7), 49), ((14, 21), 49), ((8, 30), 24), ((100, 3), 21), ((1, 1), 1)])
def test_attention_stays_on_its_budget(size, keys):
    mixer = PooledAttention(32, 16).eval()
    lengths = []
    mixer.key.register_forward_hook(lambda module, args, output: lengths.append(output.shape[1]))
    mixer(torch.randn(1, 32, *size))
    assert lengths == [keys] and keys <= GRID * GRID
