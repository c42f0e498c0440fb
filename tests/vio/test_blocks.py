"""Blocks of token rows against what others built, against their own definition token by token, and against padding."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vio.attention import SelfAttention, rotate
from vio.blocks import GatedConvBlock, ParallelBlock, scale_residuals
from vio.latent_readout import LatentReadout
from vio.mamba_block import MambaBlock
from vio.scan import LOG_DECAY_MIN
from vio.tokens import TokenConv, length_mask
from vio.transformer_block import TransformerBlock


def rows(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def mamba(**options: object) -> MambaBlock:
    torch.manual_seed(0)
    return MambaBlock(16, head_width=8, state_size=4, **options).double()


BLOCKS = {
    "gated_conv": lambda: GatedConvBlock(16, kernel=5),
    "gated_conv, causal": lambda: GatedConvBlock(16, kernel=4, causal=True),
    "mamba": mamba,
    "mamba, reversed": lambda: mamba(reverse=True),
    "transformer": lambda: TransformerBlock(16, 8),
    "transformer, causal": lambda: TransformerBlock(16, 8, causal=True, rotary=True),
    "transformer, window": lambda: TransformerBlock(16, 8, window=3, rotary=True),
    "transformer, causal window": lambda: TransformerBlock(16, 8, window=3, causal=True),
    "parallel": lambda: ParallelBlock(mamba(), TransformerBlock(16, 8)),
}


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return BLOCKS[name]().double()


def mamba_token_by_token(block: MambaBlock, x: torch.Tensor) -> torch.Tensor:
    """The block's definition as a loop in plain sums, for one sequence (L, C)."""
    core, length = block.core, len(x)
    u = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    state = torch.zeros(core.heads, core.b.out_features, core.out.in_features // core.heads, dtype=x.dtype)

    def convolved(inputs: torch.Tensor, conv: TokenConv, t: int) -> torch.Tensor:
        y = conv.conv.bias.clone()
        for k in range(conv.kernel):
            if t - k >= 0:
                y = y + inputs[t - k] * conv.conv.weight[:, 0, 0, conv.kernel - 1 - k]
        return y * torch.sigmoid(y)

    outputs = []
    for t in range(length):
        v = convolved(u @ core.value.weight.T, block.value_conv, t).reshape(core.heads, -1)
        b = convolved(u @ core.b.weight.T, block.b_conv, t)
        c = convolved(u @ core.c.weight.T, block.c_conv, t)
        b, c = b / b.norm(), c / c.norm() * math.sqrt(len(c))
        step = torch.sigmoid(core.step.weight @ u[t] + core.step.bias)
        rate = step * core.log_rate.exp()
        decay = torch.exp(-1 / (1 / rate + 1 / -LOG_DECAY_MIN))
        for h in range(core.heads):
            state[h] = decay[h] * state[h] + torch.outer(b, step[h] * v[h])
        y = torch.stack([c @ state[h] + core.skip[h] * v[h] for h in range(core.heads)]).flatten()
        z = core.gate.weight @ u[t]
        outputs.append(x[t] + core.out.weight @ (y * z * torch.sigmoid(z)))
    return torch.stack(outputs)


@torch.no_grad()
def test_the_mamba_block_is_its_recurrence():
    block, x = mamba(), rows(2, 70, 16)
    block.core.step.bias.add_(3.0)  # faster decays than a fresh block's, up to near the bound
    want = torch.stack([mamba_token_by_token(block, sequence) for sequence in x])
    torch.testing.assert_close(block(x), want, rtol=1e-9, atol=1e-10)


@torch.no_grad()
def test_the_reversed_mamba_block_reads_the_row_from_its_end():
    x, forward, reverse = rows(2, 9, 16), mamba(), mamba(reverse=True)
    torch.testing.assert_close(reverse(x), forward(x.flip(1)).flip(1), rtol=0, atol=0)


def test_a_head_that_forgets_at_the_bound_can_learn_to_remember():
    block = mamba()
    with torch.no_grad():
        block.core.step.bias.fill_(6.0)
        block.core.log_rate.fill_(4.0)
    block(rows(2, 9, 16)).square().sum().backward()
    assert (block.core.log_rate.grad.abs() > 1e-9).all()


@torch.no_grad()
@given(length=st.integers(1, 20), kernel=st.integers(1, 6), causal=st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_token_convolution_is_conv1d(length, kernel, causal):
    conv, x = TokenConv(3, kernel, causal=causal).double(), rows(2, length, 3)
    before = kernel - 1 if causal else (kernel - 1) // 2
    padded = F.pad(x.transpose(1, 2), (before, kernel - 1 - before))
    want = F.conv1d(padded, conv.conv.weight.squeeze(2), conv.conv.bias, groups=3).transpose(1, 2)
    torch.testing.assert_close(conv(x), want)


@torch.no_grad()
@given(length=st.integers(1, 12), kernel=st.integers(1, 6), causal=st.booleans(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_part_of_the_token_convolution_is_that_of_the_whole(length, kernel, causal, data):
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first + 1, length))
    conv, x = TokenConv(3, kernel, causal=causal).double(), rows(2, length, 3)
    torch.testing.assert_close(conv.between(x, first, last), conv(x)[:, first:last])


@torch.no_grad()
def test_the_gated_convolution_is_convolution_times_gate():
    block, x = GatedConvBlock(4, kernel=3).double(), rows(1, 6, 4)
    u = F.layer_norm(x, (4,))
    convolved = F.conv1d(u.transpose(1, 2), block.conv.conv.weight.squeeze(2), block.conv.conv.bias, 1, 1, groups=4)
    gate = torch.sigmoid(u @ block.gate.weight.T + block.gate.bias)
    torch.testing.assert_close(block(x), x + convolved.transpose(1, 2) * gate)


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
def test_the_transformer_block_is_torchs_encoder_layer(causal):
    block = TransformerBlock(16, 4, expansion=3.0, causal=causal).double()
    peer = nn.TransformerEncoderLayer(16, 4, 48, 0.0, "gelu", batch_first=True, norm_first=True).double()
    attention = block.attention
    peer.self_attn.in_proj_weight.copy_(
        torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
    )
    peer.self_attn.in_proj_bias.zero_()
    peer.self_attn.out_proj.weight.copy_(attention.out.weight)
    peer.self_attn.out_proj.bias.zero_()
    for ours, theirs in ((block.feed.widen, peer.linear1), (block.feed.out, peer.linear2)):
        theirs.load_state_dict(ours.state_dict())
    x = rows(2, 11, 16)
    later = torch.ones(11, 11, dtype=torch.bool).triu(1)
    torch.testing.assert_close(block(x), peer(x, src_mask=later if causal else None), rtol=1e-9, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@given(length=st.integers(1, 23), window=st.integers(1, 25))
@settings(max_examples=25, deadline=None)
def test_windowed_attention_is_full_attention_behind_a_mask(causal, rotary, length, window):
    torch.manual_seed(0)
    near = SelfAttention(8, 4, window=window, causal=causal, rotary=rotary).double()
    x, places = rows(2, length, 8), torch.arange(length)
    q, k, v = (layer(x).unflatten(2, (2, 4)).transpose(1, 2) for layer in (near.query, near.key, near.value))
    if rotary:
        q, k = rotate(q, places), rotate(k, places)
    distance = places[:, None] - places
    seen = (distance.abs() < window) & (distance >= 0 if causal else torch.tensor(True))
    scores = (q @ k.transpose(2, 3) / 2.0).masked_fill(~seen, -torch.inf)
    want = near.out((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(near(x), want, rtol=1e-9, atol=1e-10)


@torch.no_grad()
def test_a_window_as_long_as_the_row_is_full_attention():
    x = rows(2, 13, 8)
    near, full = (SelfAttention(8, 4, window=window).double() for window in (13, None))
    full.load_state_dict(near.state_dict())
    assert torch.equal(near(x), full(x))


def test_windowed_attention_costs_as_the_length_grows():
    from torch.utils.flop_counter import FlopCounterMode

    def macs(length: int) -> int:
        with torch.device("meta"):
            attention, x = SelfAttention(32, 16, window=16), torch.empty(1, length, 32)
        with FlopCounterMode(display=False) as counter:
            attention(x)
        return counter.get_total_flops() // 2

    per_token = 4 * 32**2 + 6 * 16 * 32
    assert macs(1024) == 1024 * per_token and macs(4096) == 4 * macs(1024)


@torch.no_grad()
def test_rotary_attention_sees_distances_and_not_places():
    q, k = rows(1, 1, 6, 8), rows(1, 1, 6, 8, seed=1)
    here, there = torch.arange(6), torch.arange(6) + 1000
    scores = rotate(q, here) @ rotate(k, here).transpose(2, 3)
    torch.testing.assert_close(rotate(q, there) @ rotate(k, there).transpose(2, 3), scores, rtol=0, atol=1e-3)
    assert (scores - q @ k.transpose(2, 3)).abs().max() > 0.1


@torch.no_grad()
def test_the_latent_readout_is_torchs_cross_attention():
    readout, x = LatentReadout(128, queries=3).double(), rows(2, 7, 128)
    assert readout.heads == 2
    peer = nn.MultiheadAttention(128, 2, bias=True, batch_first=True).double()
    peer.in_proj_weight.copy_(torch.cat([torch.eye(128).double(), readout.key.weight, readout.value.weight]))
    peer.in_proj_bias.zero_()
    peer.out_proj.load_state_dict(readout.out.state_dict())
    places = F.layer_norm(x, (128,))
    want, _ = peer(readout.queries.expand(2, 3, 128), places, places)
    torch.testing.assert_close(readout(x), want.mean(1), rtol=1e-9, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("name", [*BLOCKS, "latent readout"])
def test_padding_is_not_visible(name):
    """Rows of one batch behind a mask give what each gives alone, whatever stands in the padding, on either side."""
    torch.manual_seed(0)
    block = LatentReadout(16).double() if name == "latent readout" else build(name)
    lengths = torch.tensor([11, 1, 6])
    x = rows(3, 11, 16)
    mask = length_mask(lengths, 11)
    alone = [block(x[i : i + 1, :length])[0] for i, length in enumerate(lengths.tolist())]
    for junk in (torch.zeros(3, 11, 16).double(), rows(3, 11, 16, seed=1), torch.full_like(x, torch.nan)):
        padded = torch.where(mask.unsqueeze(2), x, junk)
        together = block(padded, mask)
        flipped = torch.stack([row.roll(11 - length, 0) for row, length in zip(padded, lengths.tolist(), strict=True)])
        at_the_end = block(flipped, mask.flip(1))
        for i, length in enumerate(lengths.tolist()):
            pooled = name == "latent readout"
            left, right = (together[i], at_the_end[i]) if pooled else (together[i, :length], at_the_end[i, -length:])
            torch.testing.assert_close(left, alone[i], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(right, alone[i], rtol=1e-9, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name in BLOCKS if "causal" in name or name == "mamba"])
def test_causal_blocks_see_no_later_token(name):
    block, x = build(name), rows(1, 12, 16)
    changed = x.clone()
    changed[:, 7] += 1.0
    difference = (block(changed) - block(x)).abs().amax(2)[0]
    assert difference[:7].max() == 0.0 and difference[7] > 0.01


@torch.no_grad()
def test_parallel_is_the_mean_of_its_branches():
    left, right, x = build("mamba"), build("transformer"), rows(1, 5, 16)
    torch.testing.assert_close(ParallelBlock(left, right)(x), (left(x) + right(x)) / 2)


@torch.no_grad()
def test_a_deep_row_of_fresh_blocks_neither_fades_nor_explodes():
    torch.manual_seed(0)
    deep = nn.Sequential(*(block for _ in range(16) for block in (MambaBlock(64), TransformerBlock(64))))
    scale_residuals(deep)
    x = rows(2, 64, 64, dtype=torch.float32)
    assert 1.0 < deep(x).std() < 2.0


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 0, 16), "x has length 0"),
        ((0, 4, 16), "x has batch size 0"),
        ((2, 4, 15), r"x must be \(batch, length, 16\), got shape \(2, 4, 15\)"),
        ((4, 16), r"x must be \(batch, length, 16\)"),
    ],
)
def test_unusable_input_is_explained(name, shape, message):
    with pytest.raises(ValueError, match=message):
        build(name)(torch.zeros(shape, dtype=torch.float64))


@pytest.mark.parametrize("mask", [torch.ones(2, 4), torch.ones(2, 3, dtype=torch.bool)])
def test_an_unusable_mask_is_explained(mask):
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(2, 4\)"):
        build("mamba")(rows(2, 4, 16), mask)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MambaBlock(16, head_width=12), "head_width 12 does not divide the inner width 32"),
        (lambda: MambaBlock(16, head_width=8, kernel=0), "kernel must be 1 or more"),
        (lambda: SelfAttention(16, 12), "head_width 12 does not divide the width 16"),
        (lambda: SelfAttention(15, 5, rotary=True), "head_width must be even"),
        (lambda: SelfAttention(16, 8, window=0), "window must be 1 or more"),
        (lambda: SelfAttention(16, 8, budget=0.5, causal=True), "budget: a router looks at the whole row"),
        (lambda: SelfAttention(16, 8, budget=0.5, window=4), "budget: a router looks at the whole row"),
        (lambda: LatentReadout(16, queries=0), "queries must be 1 or more"),
        (lambda: ParallelBlock(), "branches: at least one block"),
    ],
)
def test_what_does_not_add_up_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()
