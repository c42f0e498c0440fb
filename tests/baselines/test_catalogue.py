from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

from baselines import catalogue
from baselines.errors import UsageError
from baselines.vio_models import register_in_timm


def test_every_model_of_the_size_classes_exists() -> None:
    vio_names = {e.name for e in catalogue.listed().values() if e.source == "vio"}
    timm_names = set(catalogue.listed()) - vio_names
    assert all(timm.is_model(name) for name in timm_names)
    assert all(catalogue.SOURCES.load("vio").find(name) == "vio" for name in vio_names)


def test_listed_models_say_what_timm_says_of_them() -> None:
    source = catalogue.SOURCES.load("timm")
    for entry in catalogue.listed().values():
        if entry.source == "timm":
            assert source.find(entry.name) == entry.family, entry.name
            fixed = timm.get_pretrained_cfg(entry.name).fixed_input_size
            assert bool(source.config(entry.name, entry.family, (1, 3, 64, 64))) == bool(fixed), entry.name


def test_a_vit_is_built_for_the_size_under_test() -> None:
    entry = catalogue.find("vit_tiny_patch16_224")
    small, large = (catalogue.build(entry, catalogue.config(entry, (1, 3, s, s))) for s in (224, 448))
    grown = sum(p.numel() for p in large.parameters()) - sum(p.numel() for p in small.parameters())
    assert grown == (28 * 28 - 14 * 14) * 192
    assert large(torch.zeros(1, 3, 448, 448)).shape == (1, 1000)


def test_any_timm_name_is_found_with_its_family_and_tag() -> None:
    assert catalogue.find("resnet26d").family == "resnet"
    assert catalogue.find("deit3_small_patch16_224").family == "vit"
    assert catalogue.find("resnet50.a1_in1k").source == "timm"


def test_a_misspelt_name_gets_the_nearest_names() -> None:
    with pytest.raises(UsageError, match=r"unknown model 'resnt50'.*resnet50"):
        catalogue.find("resnt50")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:make", "importing no_such_module failed with ModuleNotFoundError"),
        ("math:no_such", "math has no callable 'no_such'"),
        ("math:pi", "math has no callable 'pi'"),
    ],
)
def test_a_users_module_that_does_not_import_is_explained(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        catalogue.find(name)


def test_vio_is_built_by_timm_too() -> None:
    register_in_timm()
    register_in_timm()
    assert timm.create_model("vio_nano", num_classes=7)(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


def test_listed_names_need_no_torch() -> None:
    code = (
        "import sys; from baselines import catalogue as c;"
        "s = (1, 3, 64, 64);"
        "e = c.find('vit_tiny_patch16_224'); c.config(e, s); v = c.find('vio_tiny'); c.config(v, s);"
        "assert not {'torch', 'timm'} & set(sys.modules), 'heavy import'"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
