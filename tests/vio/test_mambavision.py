"""MambaVision: what is the document's, what is the paper's, and that both together compute what they should."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import vio
import vio.mambavision
from vio.attention import SelfAttention
from vio.configs.mambavision import MambaVisionConfig
from vio.configs.reader import ConfigError
from vio.mambavision import STEP_RANGE, MambaVisionMixer


def small(**changes) -> vio.mambavision.MambaVision:
    torch.manual_seed(0)
    return vio.create_model(
        "mambavision_tiny", **{"width": 32, "depth": 2, "head_width": 16, "num_classes": 5, **changes}
    )


@pytest.mark.parametrize(
    ("depth", "ratio", "mixers"),
    [
        (6, 0.5, "mamba attention mamba attention mamba attention"),
        (5, 0.5, "mamba attention mamba attention mamba"),
        (4, 1.0, "mamba mamba mamba mamba"),
        (3, 0.0, "attention attention attention"),
        (8, 0.25, "mamba attention attention attention mamba attention attention attention"),
    ],
)
def test_the_ratio_says_how_many_blocks_are_mamba_and_they_are_spread(depth, ratio, mixers):
    assert " ".join(MambaVisionConfig(width=64, depth=depth, mamba_ratio=ratio).mixers) == mixers


@given(st.integers(1, 60), st.floats(0, 1))
def test_any_ratio_is_met_within_half_a_block(depth, ratio):
    mixers = MambaVisionConfig(width=64, depth=depth, mamba_ratio=ratio).mixers
    assert len(mixers) == depth and abs(mixers.count("mamba") - depth * ratio) <= 0.5


def test_blocks_are_of_the_kind_that_the_configuration_says():
    kinds = [type(block.mixer) for block in small(depth=4).stages]
    assert kinds == [MambaVisionMixer, SelfAttention] * 2


@pytest.mark.parametrize(("name", "width", "depth"), [("tiny", 192, 6), ("small", 384, 8), ("base", 768, 12)])
def test_dimensions_are_the_document_s(name, width, depth):
    with torch.device("meta"):
        model = vio.create_model(f"mambavision_{name}")
    assert len(model.stages) == depth and model.num_features == width
    mixer = model.stages[0].mixer
    assert mixer.in_proj.weight.shape == (2 * width, width)
    assert mixer.ssm_A.shape == mixer.ssm_B.shape == mixer.ssm_C.shape == (width, 16)
    for conv in (mixer.conv1d_left.conv, mixer.conv1d_right.conv):
        assert conv.weight.numel() == width * 4 and conv.groups == width
    assert mixer.linear_left.weight.shape == mixer.linear_right.weight.shape == (width, width)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("depth", 0, "above 0"),
        ("depth", -3, "above 0"),
        ("width", 0, "above 0"),
        ("width", 40, "16 does not divide the width 40"),
        ("mamba_ratio", -0.1, "between 0 and 1"),
        ("mamba_ratio", 1.1, "between 0 and 1"),
        ("conv_kernel", 0, "above 0"),
        ("state_size", 0, "above 0"),
        ("head_width", 0, "above 0"),
        ("mlp_ratio", 0.0, "above 0"),
        ("mlp_ratio", 0.001, "no hidden channel"),
    ],
)
def test_what_does_not_add_up_is_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        small(**{field: value})


def test_heads_need_not_divide_where_nothing_attends():
    assert small(mamba_ratio=1.0, width=40)(torch.randn(1, 3, 32, 32)).isfinite().all()


def paper(mixer: MambaVisionMixer, u: torch.Tensor) -> torch.Tensor:
    """The paper's equation 8 token by token: project the scanned and the plain branch together (arXiv 2407.08083)."""
    length, width = u.shape[1], u.shape[2]
    x, z = mixer.in_proj(u).transpose(1, 2).chunk(2, dim=1)  # (B, C, L) each
    left, right = mixer.conv1d_left.conv, mixer.conv1d_right.conv
    kernel = left.weight.shape[-1]
    x, z = (F.pad(t, ((kernel - 1) // 2, kernel // 2)) for t in (x, z))  # what padding="same" does
    x = F.silu(F.conv1d(x, left.weight[:, :, 0], left.bias, groups=width))
    z = F.silu(F.conv1d(z, right.weight[:, :, 0], right.bias, groups=width))
    state, scanned = u.new_zeros(u.shape[0], width, mixer.ssm_A.shape[1]), []
    for t in range(length):
        x_t = x[:, :, t]  # (B, C)
        step = torch.log1p(torch.exp(mixer.step_up(mixer.step_down(x_t)))).unsqueeze(-1)  # (B, C, 1)
        b, c = x_t @ mixer.ssm_B, x_t @ mixer.ssm_C  # (B, N)
        state = torch.exp(-step * mixer.ssm_A.exp()) * state + step * b.unsqueeze(1) * x_t.unsqueeze(-1)
        scanned.append((state * c.unsqueeze(1)).sum(-1) + mixer.ssm_D * x_t)
    both = torch.cat([torch.stack(scanned, dim=1), z.transpose(1, 2)], dim=-1)  # (B, L, 2 C)
    weight = torch.cat([mixer.linear_left.weight, mixer.linear_right.weight], dim=1)
    return both @ weight.T + mixer.linear_left.bias + mixer.linear_right.bias


@pytest.mark.parametrize(("length", "kernel"), [(1, 4), (2, 4), (7, 4), (50, 4), (9, 3), (5, 1)])
def test_the_mixer_is_the_paper_s_equation_with_the_document_s_modules(length, kernel):
    torch.manual_seed(length)
    mixer = MambaVisionMixer(24, 5, kernel).double()
    torch.nn.init.normal_(mixer.linear_left.bias)
    torch.nn.init.normal_(mixer.conv1d_left.conv.bias)
    u = torch.randn(2, length, 24, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(mixer(u), paper(mixer, u), rtol=1e-10, atol=1e-10)


def test_the_scan_reaches_every_later_token_and_the_plain_branch_a_neighbourhood():
    torch.manual_seed(0)
    mixer = MambaVisionMixer(16, 4, 4).double()
    u = torch.randn(1, 30, 16, dtype=torch.float64)
    changed = u.clone()
    changed[:, 10] += 1.0

    def seen() -> list[int]:
        with torch.inference_mode():
            return ((mixer(u) - mixer(changed)).abs().amax((0, 2)) > 1e-12).nonzero().flatten().tolist()

    assert seen() == list(range(8, 30))  # two tokens before it see it through the convolution
    torch.nn.init.zeros_(mixer.linear_left.weight)
    assert seen() == [8, 9, 10, 11]


def test_decays_and_steps_start_as_mamba_s():
    torch.manual_seed(0)
    mixer = MambaVisionMixer(4096, 16, 4)
    torch.testing.assert_close(mixer.ssm_A.exp(), torch.arange(1.0, 17.0).expand(4096, 16))
    step = F.softplus(mixer.step_up.bias)
    low, high = STEP_RANGE
    assert step.min() >= low * 0.999 and step.max() <= high * 1.001
    share = (step.log() < (torch.tensor(low).log() + torch.tensor(high).log()) / 2).float().mean()
    assert 0.45 < share < 0.55  # as many below 1e-2 as above: log-uniform


def test_residual_branches_end_the_smaller_the_deeper_the_model_is():
    shallow, deep = (small(depth=depth, width=64) for depth in (2, 8))
    for pick in (
        lambda m: m.stages[0].mixer.linear_left,
        lambda m: m.stages[1].mixer.out,
        lambda m: m.stages[0].mlp.out,
    ):
        assert (pick(deep).weight.std() / pick(shallow).weight.std()).item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("cast", [False, True])
def test_steps_and_decays_are_float32_in_half_precision(monkeypatch, cast):
    seen = []
    scan = vio.mambavision.selective_scan

    def spy(x, dt, A, *rest):
        seen.append((x, dt, A))
        return scan(x, dt, A, *rest)

    monkeypatch.setattr(vio.mambavision, "selective_scan", spy)
    model, x = small(), torch.randn(1, 3, 32, 32)
    if cast:
        model, x = model.bfloat16(), x.bfloat16()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=not cast):
        model(x)
    [(x, dt, A)] = seen
    assert (x.dtype, dt.dtype, A.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    if not cast:
        mixer = model.stages[0].mixer
        with torch.no_grad():
            torch.testing.assert_close(dt, F.softplus(mixer.step_up(mixer.step_down(x.float()))))


def test_a_fresh_model_is_alive_in_evaluation():
    model = small(depth=6).eval()
    with torch.inference_mode():
        logits = model(torch.randn(8, 3, 64, 64))
        tokens = model.stages(model.stem(torch.randn(2, 3, 64, 64)))
    assert logits.std(0).min() > 1e-3
    assert 0.3 < tokens.std() < 3
    assert tokens.std((0, 2, 3)).min() > 0.01


@pytest.mark.parametrize("size", [(32, 32), (33, 97), (64, 48)])
def test_places_are_of_16_pixels_rounded_up(size):
    features = small().eval().forward_features(torch.randn(2, 3, *size))
    assert features.shape == (2, 32, -(-size[0] // 16), -(-size[1] // 16))


def test_every_parameter_learns():
    model = small()
    F.cross_entropy(model(torch.randn(4, 3, 48, 48)), torch.arange(4)).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
