"""The surface of all image models, after the list of checks that timm applies to its own."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import vio
from tests.vio.models import NAMES, ONE_OF_EACH, built, fresh, images
from vio.pyramid import Pyramid

each = pytest.mark.parametrize("name", ONE_OF_EACH)


@each
@pytest.mark.parametrize("size", [(32, 32), (33, 97), (130, 64)])
def test_any_size_in_one_forward(name, size):
    model = built(name)
    with torch.inference_mode():
        features = model.forward_features(images(2, 3, *size))
        logits = model.forward_head(features)
    places = [-(-side // model.feature_info[-1]["reduction"]) for side in size]
    assert features.shape == (2, model.num_features, *places)
    assert logits.shape == (2, 1000) and logits.isfinite().all()
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.parametrize("name", NAMES)
def test_the_description_of_a_model_is_true(name):
    with torch.device("meta"):
        model = vio.create_model(name).eval()
        x = torch.empty(1, *model.default_cfg["input_size"])
    cfg, state = model.default_cfg, model.state_dict()
    features, maps = model.forward_intermediates(x)
    assert features.shape == (1, model.num_features, *cfg["pool_size"])
    assert model.forward_head(features, pre_logits=True).shape == (1, model.head_hidden_size)
    assert [(m.shape[1], -(-224 // m.shape[2])) for m in maps] == [
        (level["num_chs"], level["reduction"]) for level in model.feature_info
    ]
    assert isinstance(model.get_submodule(cfg["first_conv"]), nn.Conv2d) and f"{cfg['first_conv']}.weight" in state
    assert next(p.shape[1] for n, p in model.named_parameters() if n.startswith(cfg["first_conv"])) == 3
    assert model.get_submodule(cfg["classifier"]) is model.get_classifier()
    assert state[f"{cfg['classifier']}.weight"].shape == (cfg["num_classes"], model.num_features)


@each
def test_the_classifier_can_be_replaced_and_left_out(name):
    model, x = fresh(name, num_classes=7), images(2, 3, 64, 96)
    assert model(x).shape == (2, model.num_classes) == (2, 7)
    embedding = model.eval().forward_head(model.forward_features(x), pre_logits=True)
    assert embedding.shape == (2, model.num_features)
    model.reset_classifier(3)
    assert model(x).shape == (2, model.num_classes) == (2, 3) == (2, model.get_classifier().out_features)
    model.reset_classifier(0)
    assert torch.equal(model(x), embedding)
    model.reset_classifier(0, global_pool="")
    assert torch.equal(model(x), model.forward_features(x))
    with pytest.raises(ValueError, match="a classifier needs pooled features"):
        model.reset_classifier(3)
    assert model.num_classes == 0  # a refused change changes nothing
    assert fresh(name, num_classes=0, global_pool="").eval()(x).ndim == 4


@each
def test_maps_are_those_of_the_stages(name):
    model, x = built(name), images(1, 3, 64, 96)
    with torch.inference_mode():
        features, maps = model.forward_intermediates(x)
        assert torch.equal(features, model.forward_features(x))
        assert torch.equal(features, model.tail(maps[-1]))  # also: later stages have left the earlier maps alone
        for stage, (before, after) in zip(model.stages[1:], itertools.pairwise(maps), strict=True):
            assert torch.equal(stage(before), after)
        last, only = model.forward_intermediates(x, indices=[0], stop_early=True)
        assert torch.equal(last, maps[0]) and torch.equal(only[0], maps[0])
        _, turned = model.forward_intermediates(x, indices=[-1, 0])
        assert torch.equal(turned[0], maps[-1]) and torch.equal(turned[1], maps[0])
        (alone,) = model.forward_intermediates(x, indices=1, intermediates_only=True)
        assert torch.equal(alone, maps[-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": [9]}, r"indices must name stages from -\d to \d, got \[9\]"),
        ({"indices": []}, "indices must name stages"),
        ({"indices": 9}, "indices: the last 9 of"),
        ({"output_fmt": "NLC"}, "output_fmt must be 'NCHW', got 'NLC'"),
    ],
)
def test_maps_that_there_are_not_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        built("vio_nano").forward_intermediates(images(1, 3, 64, 96), **arguments)


@each
def test_a_pyramid_gives_the_same_maps_and_holds_nothing_else(name):
    whole, x = built(name), images(1, 3, 64, 96)
    torch.manual_seed(0)
    pyramid = vio.create_model(name, features_only=True, out_indices=(1, 0)).eval()
    with torch.inference_mode():
        _, maps = whole.forward_intermediates(x)
        got = pyramid(x)
    assert isinstance(pyramid, Pyramid) and len(got) == 2
    assert torch.equal(got[0], maps[1]) and torch.equal(got[1], maps[0])
    assert pyramid.feature_info.channels() == [m.shape[1] for m in got]
    assert pyramid.feature_info.reduction() == [64 // m.shape[2] for m in got]
    assert pyramid.feature_info.module_name() == ["stages.1", "stages.0"]
    held = {n.removeprefix("model.") for n, _ in pyramid.named_parameters()}
    assert held == {n for n, _ in whole.named_parameters() if n.startswith(("stem.", "stages.0.", "stages.1."))}
    everything = vio.create_model(name, features_only=True)
    assert everything.feature_info.channels() == [level["num_chs"] for level in whole.feature_info]


def test_out_indices_are_for_pyramids_and_pyramids_for_images():
    with pytest.raises(ValueError, match="out_indices chooses the maps of a pyramid"):
        vio.create_model("vio_nano", out_indices=(0,))
    for name in sorted(set(vio.list_models()) - set(NAMES)):
        with pytest.raises(ValueError, match=f"{name} takes sequences; features_only is for models of images"):
            vio.create_model(name, features_only=True)


@each
def test_first_channels_are_free(name):
    model = fresh(name, in_chans=5, num_classes=2)
    assert model(images(2, 5, 32, 32)).shape == (2, 2)
    assert model.default_cfg["input_size"] == (5, 224, 224)


@each
def test_batch_and_layout_do_not_matter(name):
    model, x = built(name), images(3, 3, 64, 96)
    with torch.inference_mode():
        want = model(x)
        torch.testing.assert_close(model(x.contiguous(memory_format=torch.channels_last)), want, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(x[1:2]), want[1:2], rtol=1e-4, atol=1e-5)
        moved = fresh(name).eval().to(memory_format=torch.channels_last)
        torch.testing.assert_close(moved(x), want, rtol=1e-4, atol=1e-5)


@each
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 3, 31, 64), "x must be at least 32 x 32, got 31 x 64"),
        (torch.zeros(1, 3, 64, 31), "x must be at least 32 x 32, got 64 x 31"),
        (torch.zeros(1, 1, 64, 64), r"x must be \(batch, 3, height, width\), got shape \(1, 1, 64, 64\)"),
        (torch.zeros(3, 64, 64), r"x must be \(batch, 3, height, width\), got shape \(3, 64, 64\)"),
        (torch.zeros(0, 3, 64, 64), r"x must hold at least one image, got shape \(0, 3, 64, 64\)"),
        (torch.zeros(1, 3, 0, 64), "x must be at least 32 x 32, got 0 x 64"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "x must hold floating-point numbers, got torch.uint8: scale"),
    ],
)
def test_unusable_input_is_explained(name, x, message):
    for call in (built(name), built(name).forward_features, built(name).forward_intermediates):
        with pytest.raises(ValueError, match=message):
            call(x)


@each
def test_not_a_number_comes_out_as_not_a_number_and_stays_in_its_image(name):
    model, x = built(name), images(2, 3, 64, 96)
    with torch.inference_mode():
        want = model(x)
        x[0, 1, 40, 70] = torch.nan
        got = model(x)
    assert got[0].isnan().all()
    torch.testing.assert_close(got[1], want[1], rtol=1e-4, atol=1e-5)


def test_weights_of_another_model_are_refused():
    with pytest.raises(RuntimeError, match="size mismatch for stages"):
        built("vio_nano").load_state_dict(built("vio_tiny").state_dict())
