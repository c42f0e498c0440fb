from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

from baselines import catalogue
from baselines.errors import NotInstalled, UsageError
from baselines.mixer_models import MIXERS
from baselines.mixers import sequential_scan
from bench.gradients import gradients
from bench.mac_counters import count_by_dispatcher
from vio.scan import ssd

WIDTH = 64


def _build(name: str, width: int = WIDTH) -> torch.nn.Module:
    entry = catalogue.find(name)
    return catalogue.build(entry, catalogue.config(entry, (1, 1, width)))


@pytest.mark.parametrize("name", MIXERS)
def test_every_mixer_keeps_the_shape_and_has_finite_gradients_for_all_it_holds(name: str) -> None:
    torch.manual_seed(0)
    mixer, x = _build(name), torch.randn(2, 13, WIDTH)
    output, found = gradients(mixer, x)
    assert output.shape == x.shape
    assert len(found) == 1 + len(list(mixer.parameters()))
    assert all(torch.isfinite(t).all() for t in (output, *found))
    assert all(parameter.grad is None for parameter in mixer.parameters())


@pytest.mark.parametrize("name", [n for n in MIXERS if n not in ("mixer/attention", "mixer/depthwise_conv")])
def test_causal_mixers_are_causal_and_the_single_pass_is_not(name: str) -> None:
    torch.manual_seed(0)
    mixer, x = _build(name), torch.randn(1, 20, WIDTH)
    later = torch.cat([x[:, :12], torch.randn(1, 8, WIDTH)], 1)
    with torch.no_grad():
        same = torch.allclose(mixer(x)[:, :12], mixer(later)[:, :12], atol=1e-5)
    assert same == (name != "mixer/ssd_noncausal")


def test_the_sequential_scan_is_the_same_function_as_the_chunked_one() -> None:
    torch.manual_seed(0)
    x, log_decay = torch.randn(2, 37, 3, 8), -2 * torch.rand(2, 37, 3)
    b, c = torch.randn(2, 37, 5), torch.randn(2, 37, 5)
    arguments = [t.double() for t in (x, log_decay, b, c)]
    for ours, other in zip(sequential_scan(*arguments), ssd(*arguments), strict=True):
        assert torch.allclose(ours, other, atol=1e-10)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", ["mixer/ssd", "mixer/sequential_scan"])
def test_segments_of_a_mixer_are_not_visible(name: str, recorded: bool) -> None:
    torch.manual_seed(0)
    mixer, x = _build(name).double(), torch.randn(2, 37, WIDTH).double()
    with torch.set_grad_enabled(recorded):
        whole = mixer(x)
        mixer.segment = 8
        assert torch.allclose(mixer(x), whole, atol=1e-10)


C, N, R, H = WIDTH, 64, WIDTH // 16, 1  # one head of 64
SHORT = 4 * C  # the short convolution
CLOSED_FORMS = {  # MACs a token, and MACs a pair of tokens
    "mixer/ssd_noncausal": (3 * C * C + 2 * C * N + C * H + SHORT + 2 * N * C, 0),
    "mixer/sequential_scan": (3 * C * C + 2 * C * N + C * H + SHORT + N * C, 0),  # what is written is elementwise
    "mixer/mambapy": (3 * C * C + C * (R + 2 * 16) + R * C + SHORT + 16 * C, 0),
    "mixer/transformers_mamba": (3 * C * C + C * (R + 2 * 16) + R * C + SHORT + 16 * C, 0),
    "mixer/attention": (4 * C * C, 2 * C),
    "mixer/depthwise_conv": (3 * C * C + 7 * C, 0),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("length", [32, 50])
def test_macs_are_those_of_the_closed_form(name: str, length: int) -> None:
    a_token, a_pair = CLOSED_FORMS[name]
    expected = length * a_token + length * length * a_pair
    if name in ("mixer/mambapy", "mixer/transformers_mamba"):
        expected += 3 * SHORT  # they pad at both ends and drop the last three
    assert count_by_dispatcher(_build(name), torch.randn(1, length, WIDTH)).macs == expected


@pytest.mark.parametrize("length", [64, 256])
def test_macs_of_the_chunked_scan(length: int) -> None:
    a_token = 3 * C * C + 2 * C * N + C * H + SHORT + 64 * (N + C) + 2 * N * C  # chunks of 64
    assert count_by_dispatcher(_build("mixer/ssd"), torch.randn(1, length, WIDTH)).macs == length * a_token


def test_the_per_channel_scan_is_linear_in_length() -> None:
    short, long = (
        count_by_dispatcher(_build("mixer/selective_scan"), torch.randn(1, n, WIDTH)).macs for n in (256, 1024)
    )
    assert short >= 256 * (3 * C * C + C * (R + 2 * 16) + R * C + 16 * C)
    assert long == pytest.approx(4 * short, rel=0.05)


@pytest.mark.parametrize("name", MIXERS)
def test_a_backward_takes_twice_the_macs_of_its_forward(name: str) -> None:
    length = 128 if name in ("mixer/ssd", "mixer/mamba_block") else 24  # a last chunk's state is read by nobody
    mixer, x = _build(name), torch.randn(1, length, WIDTH)
    assert count_by_dispatcher(mixer, x, backward=True).macs == 3 * count_by_dispatcher(mixer, x).macs


def test_a_mixer_can_be_taken_for_no_other_model() -> None:
    assert not any(timm.is_model(name) or ":" in name for name in MIXERS)
    with pytest.raises(UsageError, match=r"unknown model 'mixer/sdd': did you mean mixer/ssd"):
        catalogue.find("mixer/sdd")


def test_a_model_is_held_to_the_input_that_it_takes() -> None:
    with pytest.raises(UsageError, match=r"'mixer/ssd' takes sequences \(B, L, C\), not images \(1, 3, 32, 32\)"):
        catalogue.config(catalogue.find("mixer/ssd"), (1, 3, 32, 32))
    with pytest.raises(UsageError, match=r"'resnet18' takes images"):
        catalogue.config(catalogue.find("resnet18"), (1, 16, 64))
    with pytest.raises(UsageError, match=r"heads of 64 channels; 100 do not divide"):
        catalogue.config(catalogue.find("mixer/attention"), (1, 16, 100))


def test_a_missing_peer_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mambapy.mamba", None)
    with pytest.raises(NotInstalled, match="pip install mambapy"):
        _build("mixer/mambapy")


def test_planning_a_mixer_imports_no_peer() -> None:
    code = (
        "import sys; from baselines import catalogue as c; e = c.find('mixer/mambapy'); c.config(e, (1, 8, 64));"
        "assert not {'torch', 'mambapy', 'transformers'} & set(sys.modules), 'heavy import'"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
