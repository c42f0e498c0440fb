from __future__ import annotations

from pathlib import Path

import pytest

from baselines.errors import UsageError
from suites.suite import builtin_suites, load_suite

GOOD = """\
name: mine
question: Is it fast?
models: [resnet18]
workload:
  image_size: [64, [48, 80]]
metrics: [params]
"""


def _load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return load_suite(str(path))


def test_every_built_in_suite_is_valid_and_named_like_its_file() -> None:
    assert {"smoke", "scaling", "efficiency", "ci"} <= set(builtin_suites())
    for name in builtin_suites():
        assert load_suite(name).suite.name == name


def test_the_main_job_is_what_the_design_says() -> None:
    suite = load_suite("scaling").suite
    assert [w.tokens for w in suite.workload.workloads()] == [64, 196, 400, 784, 1600, 4096]
    assert (suite.device, suite.precision, suite.workload.source) == (["cpu"], ["fp32"], "photo")
    assert len(suite.model_names()) == 6


def test_axes_multiply(tmp_path: Path) -> None:
    text = GOOD.replace("[64, [48, 80]]", "[64, [48, 80]]\n  batch: [1, 8]\n  fuse: [false, true]")
    workloads = list(_load(tmp_path, text).suite.workload.workloads())  # type: ignore[attr-defined]
    assert len(workloads) == 8
    assert (workloads[-1].height, workloads[-1].width, workloads[-1].batch, workloads[-1].fuse) == (48, 80, 8, True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("metrics: [params]", "metrcs: [params]", r"mine\.yaml:6:1: .*unknown key 'metrcs'; did you mean metrics"),
        ("metrics: [params]", "", r"mine\.yaml:1:1: 'metrics' is missing"),
        ("metrics: [params]", "metrics: params", r"mine\.yaml:6:10: metrics: Input should be a valid list"),
        ("[64, [48, 80]]", "[64, 0]", r"mine\.yaml:5:20: workload\.image_size\.1: .*greater than or equal to 16"),
        ("[64, [48, 80]]", "[64]\n  batch: [true]", r"mine\.yaml:6:11: workload\.batch\.0"),
        ("models: [resnet18]", "models: !!int abc", r"mine\.yaml: not YAML"),
        ("[64, [48, 80]]", "[64, [48]]", r"mine\.yaml:5:20: workload\.image_size\.1"),
        ("[64, [48, 80]]", "[64]\n  batches: [1]", r"mine\.yaml:6:3: .*unknown key 'batches'; did you mean batch"),
        ("models: [resnet18]\n", "", r"mine\.yaml:1:1: .*no models"),
        ("models: [resnet18]", "models: [resnet18", r"mine\.yaml:4:9: not YAML"),
        ("name: mine", "name: mine\nname: yours", r"mine\.yaml:2:1: 'name' stands here twice"),
        ("name: mine", "name: a/b", r"mine\.yaml:1:7: name: "),
        ("name: mine", "schema_version: 99\nname: mine", r"mine\.yaml:1:17: written for schema 99"),
        ("metrics: [params]", "metrics: [params]\nprotocol: {target: 2}", r"mine\.yaml:7:20: protocol\.target"),
    ],
)
def test_a_mistake_is_shown_at_its_line_and_column(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        _load(tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n"])
def test_a_file_that_is_no_suite_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.yaml"):
        _load(tmp_path, text)


def test_an_unknown_suite_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown suite 'scalin': did you mean scaling\?"):
        load_suite("scalin")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"can't read no/such\.yaml"):
        load_suite("no/such.yaml")
