"""Streams: a row token by token, or in any parts, gives what the whole row gives, from a state of constant size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

from vio.blocks import GatedConvBlock
from vio.configs import parse_config
from vio.mamba_block import MambaBlock
from vio.registry import build_model
from vio.sequence import VIO1D


def model(*blocks: str, **options: object) -> VIO1D:
    torch.manual_seed(0)
    data = {"architecture": "vio_1d", "width": 8, "head_width": 8, "state_size": 4, "kernel": 5, "num_classes": 3}
    chosen = list(blocks or ("gated_conv", "mamba"))
    return build_model(parse_config({**data, "blocks": chosen, "causal": True, **options})).eval()


def bases(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    letters = torch.randint(5, (batch, length), generator=torch.Generator().manual_seed(seed))
    return F.one_hot(letters, 5).float()


def state_bytes(state: object) -> int:
    return sum(leaf.untyped_storage().nbytes() for leaf in tree_leaves(state))


@torch.inference_mode()
def test_ten_thousand_steps_are_the_whole_sequence():
    net, x = model("mamba", global_pool=""), bases(1, 10_000)
    want = net(x)
    state = net.init_state(1)
    outputs = []
    for token in x.unbind(1):
        y, state = net.step(token, state)
        outputs.append(y)
    assert (torch.stack(outputs, 1) - want).abs().max() < 1e-5
    assert (state.mean - net.forward_features(x).mean(1)).abs().max() < 1e-5
    assert state.length == 10_000


@torch.inference_mode()
@pytest.mark.parametrize("pool", ["avg", "last", ""])
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_any_split_into_prefill_and_steps_is_the_whole(pool, data):
    length = data.draw(st.integers(1, 140))
    cuts = sorted(data.draw(st.sets(st.integers(1, length), max_size=4)) | {length})
    net, x = model("mamba", "gated_conv", "mamba", global_pool=pool), bases(2, length)
    state, start, outputs = net.init_state(2), 0, []
    for end in cuts:
        if data.draw(st.booleans()):
            y, state = net.prefill(x[:, start:end], state)
        else:
            answers = []
            for token in x[:, start:end].unbind(1):
                y, state = net.step(token, state)
                answers.append(y)
            y = torch.stack(answers, 1) if pool == "" else y
        outputs.append(y)
        start = end
    got = torch.cat(outputs, 1) if pool == "" else outputs[-1]
    torch.testing.assert_close(got, net(x), rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(
    "make", [lambda: MambaBlock(16, head_width=8, state_size=4), lambda: GatedConvBlock(16, causal=True)]
)
def test_a_block_alone_can_be_streamed(make):
    torch.manual_seed(0)
    block, x = make().double(), torch.randn(2, 30, 16, dtype=torch.float64)
    y, state = block.prefill(x[:, :17], block.init_state(2))
    outputs = [y]
    for token in x[:, 17:].unbind(1):
        y, state = block.step(token, state)
        outputs.append(y.unsqueeze(1))
    torch.testing.assert_close(torch.cat(outputs, 1), block(x), rtol=1e-9, atol=1e-10)


@torch.inference_mode()
def test_bytes_of_the_state_do_not_depend_on_the_length():
    net = model("mamba", "gated_conv")
    fresh = net.init_state(2)
    # For two sequences in float32: windows of 3 x (16 + 4 + 4) and 4 x 8, a scan of 2 heads x 4 x 8, and a mean of 8.
    want = 2 * 4 * (3 * 24 + 4 * 8 + 2 * 4 * 8 + 8) + 8
    _, after_one = net.step(bases(2, 1)[:, 0], fresh)
    _, after_many = net.prefill(bases(2, 2000), fresh)
    _, later = net.step(bases(2, 1)[:, 0], after_many)
    for state in (fresh, after_one, after_many, later):
        assert sum(leaf.nbytes for leaf in tree_leaves(state)) == want
        assert state_bytes(state) <= 2 * want  # and no state holds on to what it was cut from
    assert {leaf.dtype for leaf in tree_leaves(later)} == {torch.float32, torch.int64}


@torch.inference_mode()
def test_a_step_leaves_the_state_that_it_was_given_as_it_was():
    net = model("mamba", "gated_conv")
    _, state = net.prefill(bases(1, 9), net.init_state(1))
    before = [leaf.clone() for leaf in tree_leaves(state)]
    first, _ = net.step(bases(1, 1)[:, 0], state)
    second, _ = net.step(bases(1, 1)[:, 0], state)
    assert torch.equal(first, second)
    assert all(torch.equal(left, right) for left, right in zip(before, tree_leaves(state), strict=True))


@torch.inference_mode()
def test_the_state_of_a_narrow_model_is_float32():
    net = model("mamba", "gated_conv").bfloat16()
    x = bases(1, 20).bfloat16()
    y, state = net.prefill(x, net.init_state(1))
    assert y.dtype == torch.bfloat16 and {leaf.dtype for leaf in tree_leaves(state)} == {torch.float32, torch.int64}
    y, state = net.step(x[:, 0], state)
    assert y.dtype == torch.bfloat16 and {leaf.dtype for leaf in tree_leaves(state)} == {torch.float32, torch.int64}


@torch.inference_mode()
def test_a_stream_of_vocabulary_tokens():
    net, tokens = model("mamba", vocab_size=7, global_pool=""), torch.randint(7, (2, 12))
    state, outputs = net.init_state(2), []
    for token in tokens.unbind(1):
        y, state = net.step(token, state)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, 1), net(tokens), rtol=0, atol=1e-5)


@torch.inference_mode()
def test_gradients_flow_through_a_prefill_as_through_the_whole():
    with torch.inference_mode(False):
        net, x = model("mamba"), bases(2, 70)
        net(x).square().sum().backward()
        want = net.embed.weight.grad.clone()
        net.zero_grad()
        _, state = net.prefill(x[:, :33], net.init_state(2))
        net.prefill(x[:, 33:], state)[0].square().sum().backward()
        torch.testing.assert_close(net.embed.weight.grad, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": ["mamba", "transformer"]}, "blocks: attention keeps every token"),
        ({"blocks": ["parallel"]}, "blocks: attention keeps every token"),
        ({"causal": False}, "causal: only a model whose configuration says 'causal: true'"),
        ({"global_pool": "latent"}, "global_pool: 'latent' asks all tokens at once"),
    ],
)
def test_a_model_that_has_no_stream_says_why(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options).init_state(1)


def test_a_block_that_has_no_stream_says_why():
    with pytest.raises(ValueError, match="reverse: "):
        MambaBlock(16, reverse=True).init_state(1)
    with pytest.raises(ValueError, match="causal: "):
        GatedConvBlock(16).init_state(1)


def test_a_state_of_another_model_or_batch_is_refused():
    net, x = model("mamba", "gated_conv"), bases(2, 1)
    other = model("mamba", "gated_conv", state_size=8)
    wide = net.init_state(2)._replace(blocks=net.double().init_state(2).blocks)
    net.float()
    for state, message in [
        (net.init_state(3), r"state.mean must have shape \(2, 8\), got \(3, 8\).*another model or batch size"),
        (other.init_state(2), "state must have shape .* another model"),
        (model("mamba").init_state(2), "state must come from this model's init_state"),
        (model("gated_conv", "mamba").init_state(2), "state must be a MambaState"),
        (wide, "state must be torch.float32 on cpu, got torch.float64"),
        (None, "state must come from"),
        (net.init_state(2)._replace(mean=None), "state must hold tensors: mean and length"),
        (net.init_state(2)._replace(length=torch.zeros(2).long()), "state.length must be one int64 number, got"),
        (net.init_state(2)._replace(length=torch.tensor(1.5)), "state.length must be one int64 number"),
    ]:
        for call, tokens in ((net.prefill, x), (net.step, x[:, 0])):
            with pytest.raises(ValueError, match=message):
                call(tokens, state)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (torch.zeros(()), "x must be one token a sequence"),
        (torch.zeros(2, 4), "x must be"),
        (torch.zeros(2, 1, 5), "x must be"),
        (torch.zeros(0, 5), "x has batch size 0"),
        (torch.zeros(2, 5).long(), "x must be"),
    ],
)
def test_an_unusable_token_is_explained(token, message):
    net = model("mamba")
    with pytest.raises(ValueError, match=message):
        net.step(token, net.init_state(2))
    for part in (net, net.blocks[0]):
        with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
            part.init_state(0)


def test_the_steps_of_a_model_are_exported():
    net, token = model("mamba"), bases(1, 1)[:, 0]
    state = net.init_state(1)

    class Step(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x, state):
            return self.net.step(x, state)

    program = torch.export.export(Step(), (token, state)).module()
    y, state = program(token, state)
    got, _ = program(token, state)
    want, after = net.step(token, net.init_state(1))
    torch.testing.assert_close(y, want)
    torch.testing.assert_close(got, net.step(token, after)[0])
