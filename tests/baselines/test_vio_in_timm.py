"""VIO's models through timm's own factory, and what timm's scripts then do with them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data import create_transform, resolve_model_data_config
from timm.models import FeatureInfo, group_parameters
from timm.optim import create_optimizer_v2

import vio
from baselines.vio_models import register_in_timm
from tests.vio.models import NAMES, ONE_OF_EACH, images

each = pytest.mark.parametrize("name", ONE_OF_EACH)


@pytest.fixture(autouse=True)
def _registered(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Registered twice over, and timm has nothing to complain of."""
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        register_in_timm()
        register_in_timm()
        yield
    assert caplog.records == []


def test_every_image_model_and_no_other_is_listed() -> None:
    assert set(timm.list_models(module="vio_models")) == set(NAMES)
    assert {"vio_nano", "vio_tiny"} <= set(timm.list_models("vio_*")) <= set(vio.list_models())
    assert timm.model_entrypoint("vio_tiny").__name__ == "vio_tiny"
    assert timm.get_pretrained_cfg("vio_tiny").input_size == (3, 224, 224)


@each
def test_timm_builds_the_model_and_keeps_its_description(name: str) -> None:
    torch.manual_seed(0)
    ours = vio.create_model(name).eval()
    torch.manual_seed(0)
    # What timm's training script passes, with its defaults.
    unset = {"global_pool": None, "bn_momentum": None, "drop_block_rate": None, "scriptable": False, "cache_dir": None}
    model = timm.create_model(name, pretrained=False, num_classes=1000, drop_rate=0.0, **unset).eval()
    x = images(1, 3, 64, 96)
    assert torch.equal(model(x), ours(x))
    for key, value in ours.default_cfg.items():
        assert model.pretrained_cfg[key] == model.default_cfg[key] == value, key
    data = resolve_model_data_config(model)
    assert data["input_size"] == (3, 224, 224) and data["crop_pct"] == 0.95
    create_transform(**data)


@each
def test_features_only_is_as_timm_has_it(name: str) -> None:
    model, x = timm.create_model(name, features_only=True).eval(), images(1, 3, 64, 96)
    maps = model(x)
    assert [m.shape[1] for m in maps] == model.feature_info.channels()
    assert [(-(-64 // r), -(-96 // r)) for r in model.feature_info.reduction()] == [tuple(m.shape[2:]) for m in maps]
    assert len(maps) == len(FeatureInfo(vio.create_model(name).feature_info, 1).info)
    two = timm.create_model(name, features_only=True, out_indices=(0, 1), in_chans=1)
    assert len(two(images(1, 1, 64, 96))) == 2 and two.feature_info.channels() == model.feature_info.channels()[:2]


@pytest.mark.parametrize("way", ["list", "dict", "hook"])
def test_timms_other_ways_to_take_maps_out(way: str) -> None:
    torch.manual_seed(0)
    want = vio.create_model("vio_nano", features_only=True, out_indices=(0, 2)).eval()(images(1, 3, 64, 96))
    torch.manual_seed(0)
    model = timm.create_model("vio_nano", features_only=True, out_indices=(0, 2), feature_cls=way).eval()
    got = model(images(1, 3, 64, 96))
    torch.testing.assert_close(list(got.values()) if isinstance(got, dict) else got, want, rtol=1e-4, atol=1e-5)


@each
def test_layer_wise_decay_goes_from_the_stem_to_the_head(name: str) -> None:
    model = timm.create_model(name, num_classes=5)
    for coarse in (False, True):
        groups = list(group_parameters(model, model.group_matcher(coarse=coarse)).values())
        order = [{n.split(".")[0] for n in group} for group in groups]
        assert order[0] == {"stem"} and order[-1] >= {"fc"} and order[-1] <= {"tail", "fc"}
        assert all(parts == {"stages"} for parts in order[1:-1])
        stages = [sorted({int(n.split(".")[1]) for n in group}) for group in groups[1:-1]]
        assert stages == sorted(stages) and all(len(stage) == 1 for stage in stages)
        assert sum(map(len, groups)) == len(list(model.parameters()))
    optimizer = create_optimizer_v2(model, opt="adamw", lr=1e-3, weight_decay=0.05, layer_decay=0.7)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    spared = model.no_weight_decay()
    assert {n for n, p in model.named_parameters() if decays[id(p)] == 0} == spared
    model(images(2, 3, 64, 64)).sum().backward()
    optimizer.step()


def test_there_are_no_pretrained_weights_but_ones_own(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="No pretrained weights exist for vio_nano"):
        timm.create_model("vio_nano", pretrained=True)
    mine = vio.create_model("vio_nano").eval()
    save_file({k: v.contiguous() for k, v in mine.state_dict().items()}, tmp_path / "model.safetensors")
    source = {"file": str(tmp_path / "model.safetensors")}
    model = timm.create_model("vio_nano", pretrained=True, pretrained_cfg_overlay=source, num_classes=3).eval()
    x = images(1, 3, 64, 96)
    assert model(x).shape == (1, 3) and torch.equal(model.forward_features(x), mine.forward_features(x))


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="patch_size: unknown key"):
        timm.create_model("vio_nano", patch_size=16)
