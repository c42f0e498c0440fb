"""The models as a user meets them: any size, any layout, any of the tools that take a model apart."""

from __future__ import annotations

import functools
import warnings

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import vio

NAMES = vio.list_models()


@functools.cache
def built(name: str) -> vio.VIO:
    torch.manual_seed(0)
    return vio.create_model(name).eval()


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("name", "low", "high"), [("vio_nano", 1e6, 2e6), ("vio_tiny", 4e6, 6e6)])
def test_parameter_budget(name, low, high):
    assert low <= sum(p.numel() for p in built(name).parameters()) <= high


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(32, 32), (33, 97), (224, 224), (250, 131)])
def test_any_size_in_one_forward(name, size):
    model = built(name)
    with torch.inference_mode():
        features = model.forward_features(images(2, 3, *size))
        logits = model.forward_head(features)
    assert features.shape == (2, model.num_features, -(-size[0] // 32), -(-size[1] // 32))
    assert logits.shape == (2, 1000) and logits.isfinite().all()
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 31, 64), "at least 32 x 32, got 31 x 64"),
        ((1, 3, 64, 31), "at least 32 x 32, got 64 x 31"),
        ((1, 1, 64, 64), r"must be \(batch, 3, height, width\), got shape \(1, 1, 64, 64\)"),
        ((3, 64, 64), r"must be \(batch, 3, height, width\)"),
    ],
)
def test_unusable_input_is_explained(shape, message):
    with pytest.raises(ValueError, match=message):
        built("vio_nano")(torch.zeros(shape))


@pytest.mark.parametrize("name", NAMES)
def test_batch_and_layout_do_not_matter(name):
    model, x = built(name), images(3, 3, 64, 96)
    with torch.inference_mode():
        want = model(x)
        torch.testing.assert_close(model(x.contiguous(memory_format=torch.channels_last)), want, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(model(x[1:2]), want[1:2], rtol=1e-3, atol=1e-4)
        moved = vio.create_model(name).eval()
        moved.load_state_dict(model.state_dict())
        moved.to(memory_format=torch.channels_last)
        torch.testing.assert_close(moved(x), want, rtol=1e-3, atol=1e-4)


def test_bfloat16_is_near_float32():
    model, x = built("vio_nano"), images(1, 3, 64, 64)
    half = vio.create_model("vio_nano").eval()
    half.load_state_dict(model.state_dict())
    with torch.inference_mode():
        want, got = model(x), half.bfloat16()(x.bfloat16())
    assert got.dtype == torch.bfloat16
    assert (got.float() - want).norm() / want.norm() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_extreme_input_stays_finite(name):
    torch.manual_seed(0)
    model = vio.create_model(name, num_classes=5).eval()
    for scale in (0.0, 1e-20, 1e8):
        model.zero_grad()
        logits = model(images(1, 3, 64, 64) * scale)
        logits.logsumexp(1).sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_every_parameter_learns_from_the_first_step():
    torch.manual_seed(0)
    model = vio.create_model("vio_tiny", num_classes=5)
    nn.functional.cross_entropy(model(images(4, 3, 64, 64)), torch.arange(4)).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", NAMES)
def test_trains_under_autocast(name):
    torch.manual_seed(0)
    model = vio.create_model(name, num_classes=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(images(4, 3, 64, 64)), torch.arange(4))
    loss.backward()
    assert loss.isfinite() and all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_overfits_a_few_images():
    torch.manual_seed(0)
    model = vio.create_model("vio_nano", num_classes=4)
    x, target = images(16, 3, 64, 64), torch.arange(16) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.0 and losses[-1] < 0.1


def test_classifier_surface():
    model = vio.create_model("vio_nano", num_classes=7)
    x = images(2, 3, 64, 64)
    assert model(x).shape == (2, model.num_classes) == (2, 7)
    assert model.forward_head(model.forward_features(x), pre_logits=True).shape == (2, model.num_features)
    model.reset_classifier(3)
    assert model(x).shape == (2, model.num_classes) == (2, 3)
    model.reset_classifier(0)
    assert model(x).shape == (2, model.num_features)
    model.reset_classifier(0, global_pool="")
    assert model(x).shape == (2, model.num_features, 2, 2)
    with pytest.raises(ValueError, match="a classifier needs pooled features"):
        model.reset_classifier(3)
    assert model.num_classes == 0  # a refused change changes nothing
    model.reset_classifier(3, global_pool="avg")
    assert model(x).shape == (2, 3)


def test_create_model_takes_overrides():
    model = vio.create_model("vio_nano", in_chans=1, num_classes=0)
    assert model(images(2, 1, 32, 32)).shape == (2, model.num_features)
    assert model.default_cfg["input_size"] == (1, 224, 224)
    with pytest.raises(ValueError, match="classes: unknown key"):
        vio.create_model("vio_nano", classes=3)


@pytest.mark.parametrize("name", NAMES)
def test_default_cfg_names_real_modules(name):
    modules, config = dict(built(name).named_modules()), built(name).default_cfg
    assert isinstance(modules[config["first_conv"]], nn.Conv2d)
    assert isinstance(modules[config["classifier"]], nn.Linear)


@pytest.mark.parametrize("name", NAMES)
def test_every_batch_norm_takes_the_output_of_a_convolution(name):
    model, produced, taken = built(name), {}, []
    hooks = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(lambda m, args, out: produced.__setitem__(id(out), out)))
        if isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_hook(lambda m, args, out: taken.append(id(args[0]) in produced)))
    with torch.inference_mode():
        model(images(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    assert len(taken) == sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert all(taken)


@pytest.mark.parametrize("name", NAMES)
def test_macs_are_counted_on_the_meta_device(name):
    with torch.device("meta"):
        model = vio.create_model(name)
        x = torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        assert model.eval()(x).device.type == "meta"
    real = FlopCounterMode(display=False)
    with real, torch.inference_mode():
        built(name)(images(1, 3, 224, 224))
    assert counter.get_total_flops() >= real.get_total_flops() > 2e8  # on CPU, attention is not counted


@pytest.mark.parametrize("name", NAMES)
def test_traced_model_gives_the_same_output(name):
    model, x = built(name), images(1, 3, 96, 64)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # a trace is fixed to its input's size, which it warns of
        traced = torch.jit.trace(model, x)
        other = images(1, 3, 96, 64, seed=1)
        torch.testing.assert_close(traced(other), model(other))


def test_exported_model_keeps_a_free_batch():
    model = built("vio_nano")
    program = torch.export.export(
        model, (images(2, 3, 96, 64),), dynamic_shapes={"x": {0: torch.export.Dim("batch", min=1, max=64)}}
    )
    for batch in (1, 5):
        x = images(batch, 3, 96, 64)
        torch.testing.assert_close(program.module()(x), model(x), rtol=1e-3, atol=1e-4)


def test_both_directions_of_the_scan_are_used():
    scans = [module.reverse for module in built("vio_tiny").modules() if hasattr(module, "reverse")]
    assert scans == [False, True]
