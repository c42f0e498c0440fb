"""VIO-1D as a user meets it: bases or tokens, any length, padding that tells nothing, one surface."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vio
from vio.configs import parse_config, read_config
from vio.registry import build_model
from vio.sequence import VIO1D
from vio.tokens import length_mask

KINDS = ["gated_conv", "mamba", "transformer", "parallel"]
NAMED = ["vio_dna", "vio_seq_attention", "vio_seq_hybrid", "vio_seq_mamba"]


def model(*blocks: str, **options: object) -> VIO1D:
    torch.manual_seed(0)
    data = {"architecture": "vio_1d", "width": 16, "head_width": 8, "state_size": 4, "kernel": 5, "num_classes": 3}
    return build_model(parse_config({**data, "blocks": list(blocks or KINDS), **options})).eval()


def bases(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    letters = torch.randint(5, (batch, length), generator=torch.Generator().manual_seed(seed))
    return F.one_hot(letters, 5).float()


def test_vio_dna_is_the_model_of_its_document():
    dna = vio.create_model("vio_dna")
    assert isinstance(dna.embed, nn.Linear) and dna.embed.in_features == 5
    assert [type(block).__name__ for block in dna.blocks] == ["GatedConvBlock"] * 4
    assert dna.global_pool == "avg" and isinstance(dna.fc, nn.Linear)


def test_the_three_of_equal_params_are_so():
    counts = [sum(p.numel() for p in vio.create_model(name).parameters()) for name in NAMED[1:]]
    assert max(counts) < 1.01 * min(counts)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("length", [1, 2, 67, 300])
def test_any_length_in_one_forward(name, length):
    torch.manual_seed(0)
    named = vio.create_model(name).eval()
    features = named.forward_features(bases(2, length))
    logits = named.forward_head(features)
    assert features.shape == (2, length, named.num_features)
    assert logits.shape == (2, 10) and logits.isfinite().all()
    torch.testing.assert_close(named(bases(2, length)), logits)


@torch.no_grad()
@pytest.mark.parametrize("pool", ["avg", "last", "latent"])
@pytest.mark.parametrize("causal", [False, True])
def test_padding_does_not_tell_the_length(pool, causal):
    net = model(*KINDS, "mamba", causal=causal, global_pool=pool)
    lengths = torch.tensor([20, 1, 9])
    mask, x = length_mask(lengths, 20), bases(3, 20)
    want = torch.cat([net(x[i : i + 1, :length]) for i, length in enumerate(lengths.tolist())])
    for junk in (0.0, 7.0, torch.nan):
        padded = x.masked_fill(~mask.unsqueeze(2), junk)
        torch.testing.assert_close(net(padded, mask), want, rtol=1e-4, atol=1e-5)
    if not causal:  # and the mask is what makes it so
        assert (net(x.masked_fill(~mask.unsqueeze(2), 7.0))[1:] - want[1:]).abs().max() > 1e-2


@torch.no_grad()
def test_tokens_from_a_vocabulary():
    net = model("mamba", "transformer", vocab_size=11, causal=True, global_pool="")
    tokens = torch.randint(11, (2, 9))
    assert net(tokens).shape == (2, 9, 3)
    assert torch.equal(net(tokens), net(tokens.int()))
    mask = length_mask(torch.tensor([9, 4]), 9)
    torch.testing.assert_close(net(tokens.masked_fill(~mask, 10), mask)[1, :4], net(tokens)[1, :4])
    with pytest.raises(IndexError):
        net(tokens + 11)


@torch.no_grad()
def test_without_causal_the_scans_look_both_ways():
    changed = bases(1, 12).clone()
    changed[0, 6] = torch.tensor([5.0, 0, 0, 0, 0])
    for causal, before in ((False, True), (True, False)):
        net = model("mamba", "mamba", causal=causal, num_classes=0, global_pool="")
        seen = (net(changed) - net(bases(1, 12))).abs().amax(2)[0] > 1e-6
        assert seen[:6].any().item() == before and seen[6:].all()


def test_classifier_surface():
    net, x = model("gated_conv"), bases(2, 9)
    assert net(x).shape == (2, net.num_classes) == (2, 3)
    assert net.forward_head(net.forward_features(x), pre_logits=True).shape == (2, net.num_features)
    for pool in ("last", "latent", "avg"):
        net.reset_classifier(4, pool)
        assert net(x).shape == (2, 4) and net.get_classifier() is net.fc
    net.reset_classifier(0)
    assert net(x).shape == (2, 16) and isinstance(net.get_classifier(), nn.Identity)
    net.reset_classifier(0, "")
    assert net(x).shape == (2, 9, 16)
    with pytest.raises(ValueError, match="global_pool: must be one of"):
        net.reset_classifier(3, "max")
    assert net.num_classes == 0


def test_weight_decay_spares_all_but_the_maps():
    net = model(global_pool="latent")
    spared, names = net.no_weight_decay(), dict(net.named_parameters())
    assert spared <= names.keys()
    assert {"blocks.1.core.log_rate", "blocks.1.core.step.bias", "pool.queries", "norm.weight"} <= spared
    assert not {"blocks.0.gate.weight", "blocks.1.core.out.weight", "blocks.0.conv.conv.weight", "fc.weight"} & spared


def test_it_learns_which_base_is_rare():
    torch.manual_seed(0)
    net = model("gated_conv", "mamba", num_classes=4).train()
    x = bases(16, 12)
    target = x[..., :4].sum(1).argmin(1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(net(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.0 and losses[-1] < 0.1


@pytest.mark.parametrize("name", ["vio_dna", "vio_seq_hybrid"])
def test_exported_and_traced_models_give_the_same_output(name):
    torch.manual_seed(0)
    net, x, other = vio.create_model(name).eval(), bases(2, 40), bases(2, 40, seed=1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trace is fixed to its input's size, which it warns of
        traced = torch.jit.trace(net, x)
        torch.testing.assert_close(traced(other), net(other), rtol=1e-4, atol=1e-5)
        batch = torch.export.Dim("batch", min=1, max=64)
        program = torch.export.export(net, (x,), dynamic_shapes={"x": {0: batch}})
        for size in (1, 3):
            other = bases(size, 40, seed=size)
            torch.testing.assert_close(program.module()(other), net(other), rtol=1e-4, atol=1e-5)


def test_saved_and_read_back(tmp_path):
    net = model(global_pool="latent", causal=True)
    net.save_pretrained(tmp_path)
    torch.testing.assert_close(vio.from_pretrained(tmp_path)(bases(2, 7)), net(bases(2, 7)))


@pytest.mark.parametrize(
    ("options", "x", "message"),
    [
        ({}, torch.zeros(2, 0, 5), "x has length 0"),
        ({}, torch.zeros(0, 4, 5), "x has batch size 0"),
        ({}, torch.zeros(2, 4, 4), r"x must be floating-point \(batch, length, 5\), got .* \(2, 4, 4\)"),
        ({}, torch.zeros(4, 5), r"x must be floating-point \(batch, length, 5\)"),
        ({}, torch.zeros(2, 4, 5).long(), "x must be floating-point .* got torch.int64"),
        ({}, torch.zeros(1, 1, 5).expand(1, 2**31, 5), "x has length 2147483648: at most 2147483647"),
        ({"vocab_size": 4}, torch.zeros(2, 4, 5), r"x must be whole numbers \(batch, length\)"),
        ({"vocab_size": 4}, torch.zeros(2, 4), "x must be whole numbers .* got torch.float32"),
    ],
)
def test_unusable_input_is_explained(options, x, message):
    with pytest.raises(ValueError, match=message):
        model("gated_conv", **options)(x)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("kernel: 5", "kernal: 5", "5:1", "kernal: unknown key; did you mean 'kernel'?"),
        ("kernel: 5", "kernel: 4", "5:9", "must be odd to be centred on its token, got 4"),
        ("kernel: 5", "kernel: 0", "5:9", "must be above 0, got 0"),
        (
            "[mamba, transformer]",
            "[mamba, transfomer]",
            "4:9",
            "unknown block 'transfomer'; did you mean 'transformer'?",
        ),
        ("[mamba, transformer]", "[]", "4:9", "a model needs at least one block"),
        ("head_width: 8", "head_width: 6", "3:13", "6 does not divide the width 16"),
        ("head_width: 8", "head_width: 1", "3:13", "must be even for rotary attention, got 1"),
        ("head_width: 8", "window: -1", "3:9", "must be above 0, got -1"),
        ("head_width: 8", "expansion: 0.01", "3:12", "0.01 of the width 16 leaves no hidden channel"),
        ("head_width: 8", "vocab_size: 0", "3:13", "must be above 0, got 0"),
        ("head_width: 8", "head_width: 8\nglobal_pool: max", "4:14", "must be one of ('avg', 'last', 'latent', '')"),
    ],
)
def test_a_mistake_in_yaml_is_named_with_its_place(tmp_path, old, new, place, message):
    text = "architecture: vio_1d\nwidth: 16\nhead_width: 8\nblocks: [mamba, transformer]\nkernel: 5\n"
    path = tmp_path / "model.yaml"
    path.write_text(text)
    assert read_config(path).width == 16
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}:{place}: ") and message in str(caught.value)
