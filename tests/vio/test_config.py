"""Configurations: what comes with the package is sound, and a mistake in YAML is found at its place."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vio.configs import ARCHITECTURES, config_dict, list_models, load_config, override, read_config, takes_images

GOOD = """\
architecture: vio
in_chans: 3
stages:
  - width: 16
    blocks: [dense]
  - width: 32
    blocks: [conv, ssd]
expansion: 2
head_width: 16
state_size: 4
num_features: 24
"""


def test_planning_needs_no_torch():
    code = (
        "import sys, vio, vio.configs\n"
        "names = vio.list_models()\n"
        "assert 'vio_tiny' in names\n"
        "[vio.configs.config_dict(name) for name in names]\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_config_dict_is_plain_data_with_defaults_filled_in():
    assert {"vio_nano", "vio_tiny"} <= set(list_models())
    for name in list_models():
        data = config_dict(name)
        assert json.loads(json.dumps(data)) == data
        assert data["architecture"] in ARCHITECTURES
        assert (data["num_classes"], data["in_chans"]) == ((1000, 3) if takes_images(name) else (10, 5))


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    config = read_config(path)
    assert config.stages[1].blocks == ("conv", "ssd")
    assert config.expansion == 2.0 and type(config.expansion) is float
    assert config.num_classes == 1000


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("state_size: 4", "state_sise: 4", "10:1", "state_sise: unknown key; did you mean 'state_size'?"),
        ("    blocks: [dense]", "    blocs: [dense]", "5:5", "stages.0.blocs: unknown key; did you mean 'blocks'?"),
        ("state_size: 4", "state_size: four", "10:13", "expected a whole number, got 'four'"),
        ("state_size: 4", "state_size: 4.5", "10:13", "expected a whole number, got 4.5"),
        ("state_size: 4", "state_size: true", "10:13", "expected a whole number, got True"),
        ("state_size: 4", "state_size: [4]", "10:13", "expected a whole number, got [4]"),
        ("expansion: 2", "expansion: .inf", "8:12", "expected a finite number"),
        ("expansion: 2", f"expansion: {10**400}", "8:12", "expected a finite number"),
        ("state_size: 4", "state_size: 4000000000", "10:13", "state_size: must be at most 2147483647"),
        ("architecture: vio", "architecture: [vio]", "1:15", "unknown architecture ['vio']"),
        ("blocks: [conv, ssd]", "blocks: conv", "7:13", "expected a list, got 'conv'"),
        ("blocks: [conv, ssd]", "blocks: [conv, 3]", "7:20", "expected a text, got 3"),
        ("blocks: [conv, ssd]", "blocks: [conv, sdd]", "7:13", "blocks: unknown block 'sdd'; did you mean 'ssd'?"),
        ("    blocks: [conv, ssd]\n", "", "6:5", "stages.1: 'blocks' is missing"),
        ("  - width: 16\n    blocks: [dense]\n", "  - 16\n", "4:5", "expected a mapping, got 16"),
        ("width: 32", "width: -32", "6:12", "width: must be above 0, got -32"),
        ("head_width: 16", "head_width: 12", "9:13", "head_width: 12 does not divide the stage width 32"),
        ("num_features: 24", "num_features: 24\nin_chans: 9", "12:1", "in_chans: is set twice"),
        ("num_features: 24", "num_features: 24\nglobal_pool: max", "12:14", "global_pool: must be one of"),
        ("num_features: 24", "num_features: 24\nglobal_pool: ''", "12:14", "global_pool: a classifier needs pooled"),
        ("num_features: 24", "num_features: 24\nnum_classes: -1", "12:14", "num_classes: must be 0 or more"),
        ("num_features: 24", "num_features: [24", "12:1", "expected ',' or ']'"),
        ("num_features: 24", "num_features: *24", "11:15", "found undefined alias"),
        ("num_features: 24", "num_features: !!int x", "11:15", "expected a whole number, got 'x'"),
        ("blocks: [conv, ssd]", "blocks: &a [*a]", "7:13", "nested too deeply"),
        (GOOD, "", "1:1", "the file is empty"),
        (GOOD, "- 1\n", "1:1", "expected a mapping, got [1]"),
        (GOOD, "a: \0", "1:1", "special characters are not allowed"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_column(tmp_path, old, new, place, message):
    path = tmp_path / "bad.yaml"
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert message in str(caught.value)


def test_an_unknown_model_gets_a_suggestion():
    with pytest.raises(ValueError, match=r"unknown model 'vio_tyny'; did you mean 'vio_tiny'\?"):
        load_config("vio_tyny")
    with pytest.raises(ValueError, match=f"known: {', '.join(list_models())}$"):
        load_config("../secret")


def test_override_is_as_strict_as_the_file():
    config = load_config("vio_nano")
    assert override(config, num_classes=7).num_classes == 7
    assert override(config) == config
    assert override(load_config("vio_tiny"), **config_dict("vio_nano")) == config
    for changes, message in [
        ({"num_clases": 7}, "num_clases: unknown key; did you mean 'num_classes'?"),
        ({"stages": []}, "stages: a model needs at least one stage"),
        ({"stages": [{"width": 16, "blocks": ["dense", "cnv"]}]}, "stages.0.blocks: unknown block 'cnv'"),
        ({"num_classes": "7"}, "num_classes: expected a whole number, got '7'"),
        ({"num_classes": True}, "num_classes: expected a whole number, got True"),
        ({"head_width": 36}, "head_width: 36 does not divide"),
        ({"in_chans": 0}, "in_chans: must be above 0"),
    ]:
        with pytest.raises(ValueError) as caught:
            override(config, **changes)
        assert message in str(caught.value)
