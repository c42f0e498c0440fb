"""The hybrid of Mamba and Transformer blocks: what its YAML file says is what is built, for images of any size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vio
from vio.blocks import ParallelBlock
from vio.configs import parse_config, read_config
from vio.hybrid import Hybrid
from vio.mamba_block import MambaBlock
from vio.registry import build_model
from vio.router import RoutedBlock
from vio.transformer_block import TransformerBlock

NAMED = ["vio_hybrid_sequential_tiny", "vio_hybrid_parallel_tiny"]
TEXT = """\
architecture: hybrid
stem_width: 8
width: 32
blocks: [mamba, mamba, transformer]
depth: 2
head_width: 8
state_size: 4
"""


def model(**options: object) -> Hybrid:
    torch.manual_seed(0)
    data = {"architecture": "hybrid", "stem_width": 8, "width": 32, "head_width": 8, "state_size": 4, "num_classes": 3}
    return build_model(parse_config({**data, "blocks": ["mamba", "transformer"], "depth": 2, **options})).eval()


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def kinds(net: Hybrid) -> list[type[nn.Module]]:
    return [type(module.block) for module in net.stages[1] if hasattr(module, "block")]


@pytest.mark.parametrize("name", NAMED)
def test_the_named_ones_have_about_five_million_parameters(name):
    assert 4.5e6 < sum(p.numel() for p in vio.create_model(name).parameters()) < 5.5e6


def test_sequential_and_parallel_come_from_yaml(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(TEXT)
    assert kinds(build_model(read_config(path))) == [MambaBlock, MambaBlock, TransformerBlock] * 2
    path.write_text(TEXT + "order: parallel\n")
    net = build_model(read_config(path))
    assert kinds(net) == [ParallelBlock] * 2
    branches = [[type(b) for b in m.branches] for m in net.modules() if isinstance(m, ParallelBlock)]
    assert branches == [[MambaBlock, MambaBlock, TransformerBlock]] * 2


@pytest.mark.parametrize("order", ["sequential", "parallel"])
def test_scans_alternate_their_direction(order):
    net = model(blocks=["mamba", "transformer", "mamba"], depth=2, order=order)
    assert [m.reverse for m in net.modules() if isinstance(m, MambaBlock)] == [False, True, False, True]


@torch.no_grad()
@pytest.mark.parametrize("order", ["sequential", "parallel"])
def test_any_size_in_one_forward(order):
    net = model(order=order)
    for size in [(32, 32), (33, 97), (64, 48)]:
        features = net.forward_features(images(2, 3, *size))
        assert features.shape == (2, 32, -(-size[0] // 16), -(-size[1] // 16))
        assert net.forward_head(features).shape == (2, 3)
    assert [(info["reduction"], info["num_chs"]) for info in net.feature_info] == [(8, 16), (16, 32)]
    maps = net.intermediates(images(1, 3, 64, 96), [0, 1])
    assert [tuple(m.shape) for m in maps] == [(1, 16, 8, 12), (1, 32, 4, 6)]


@torch.no_grad()
def test_every_place_reaches_every_place():
    net = model(depth=1).double()
    x = images(1, 3, 64, 64).double()
    changed = x.clone()
    changed[:, :, 0, 0] += 1.0
    assert ((net.forward_features(x) - net.forward_features(changed)).abs().amax(1) > 1e-9).all()


@torch.no_grad()
def test_places_are_told_apart_without_a_table_of_positions():
    """A flat image has the same patch everywhere; the border alone makes a difference, at any size."""
    net = model(blocks=["transformer"], depth=1)
    features = net.forward_features(torch.ones(1, 3, 160, 160))[0]
    assert (features[:, 0, 0] - features[:, 5, 5]).abs().max() > 1e-3


@torch.no_grad()
def test_transformer_blocks_can_be_routed_and_on_a_window_or_budget():
    x = images(2, 3, 64, 64)
    routed = model(routed=0.5)
    assert kinds(routed) == [MambaBlock, RoutedBlock] * 2 and routed(x).shape == (2, 3)
    for options in ({"window": 3}, {"budget": 0.25}):
        assert model(**options)(x).shape == (2, 3)
        assert not torch.allclose(model(**options)(x), model()(x))


@torch.no_grad()
def test_batch_layout_and_fusing_do_not_matter():
    net, x = model(), images(3, 3, 40, 56)
    for norm in (module for module in net.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_mean.uniform_(-0.5, 0.5), norm.running_var.uniform_(0.5, 2.0)
    want = net(x)
    torch.testing.assert_close(net(x.contiguous(memory_format=torch.channels_last)), want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net(x[1:2]), want[1:2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net.fuse()(x), want, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())


@torch.no_grad()
def test_the_head_can_ask_by_latent_queries():
    net, x = model(global_pool="latent"), images(2, 3, 48, 64)
    features = net.forward_features(x)  # (2, 32, 3, 4)
    asked = net.pool(torch.stack([features[:, :, i, j] for i in range(3) for j in range(4)], 1))
    torch.testing.assert_close(net.forward_head(features, pre_logits=True), asked)
    torch.testing.assert_close(net(x), net.fc(asked))
    pool = net.pool
    net.reset_classifier(5)
    assert net(x).shape == (2, 5) and net.pool is pool
    net.reset_classifier(5, "avg")
    assert not list(net.pool.parameters())
    torch.testing.assert_close(net.forward_head(features, pre_logits=True), features.mean((2, 3)))


def test_every_parameter_learns_from_the_first_step():
    for options in ({}, {"order": "parallel", "routed": 0.5}, {"budget": 0.5}):
        net = model(**options).train()
        nn.functional.cross_entropy(net(images(4, 3, 64, 64)), torch.arange(4) % 3).backward()
        assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("options", [{"routed": 0.5, "window": 3}, {"blocks": ["transformer"], "budget": 0.3}])
def test_the_exported_model_keeps_a_free_batch(options):
    net = model(**options, order="parallel", depth=1)
    program = torch.export.export(
        net, (images(2, 3, 64, 48),), dynamic_shapes={"x": {0: torch.export.Dim("batch", min=1, max=64)}}
    )
    for batch in (1, 5):
        x = images(batch, 3, 64, 48, seed=1)
        torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("depth: 2", "dept: 2", "5:1", "dept: unknown key; did you mean 'depth'?"),
        ("depth: 2", "depth: -2", "5:8", "depth: must be above 0, got -2"),
        ("depth: 2", "depth: 2\nexpansion: 0.001", "6:12", "0.001 of the width 32 leaves no hidden channel"),
        ("depth: 2", "depth: 2\norder: sideways", "6:8", "must be one of ('sequential', 'parallel'), got 'sideways'"),
        ("depth: 2", "depth: 2\nrouted: 0", "6:9", "must be above 0 and at most 1, got 0"),
        ("depth: 2", "depth: 2\nbudget: 1.5", "6:9", "must be above 0 and at most 1, got 1.5"),
        ("depth: 2", "depth: 2\nwindow: 0", "6:9", "window: must be above 0, got 0"),
        ("depth: 2", "depth: 2\nwindow: 2\nbudget: 0.5", "7:9", "budget: excludes a window"),
        ("head_width: 8", "head_width: 12", "6:13", "head_width: 12 does not divide the mamba width 64"),
        ("head_width: 8", "head_width: 64", "6:13", "head_width: 64 does not divide the transformer width 32"),
        ("[mamba, mamba, transformer]", "[mamba, attention]", "4:9", "unknown block 'attention'"),
        ("[mamba, mamba, transformer]", "[]", "4:9", "a group needs at least one block"),
    ],
)
def test_a_mistake_in_yaml_is_named_with_its_place(tmp_path, old, new, place, message):
    path = tmp_path / "model.yaml"
    assert TEXT.count(old) == 1
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}:{place}: ") and message in str(caught.value)
