from __future__ import annotations

from pathlib import Path

import pytest

from baselines.errors import UsageError
from suites.suite_file import builtin_suites, load_suite

GOOD = """\
name: mine
question: Is it fast?
models: [resnet18]
workload:
  image_size: [64, [48, 80]]
metrics: [params]
"""


SEQUENCES = """\
name: mine
question: Is it fast?
models: [mixer/ssd]
workload:
  kind: sequence
  length: [196, 1024]
  channels: 64
  mode: [forward, forward_backward]
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
        (
            "models: [resnet18]",
            "models: [resnet18]\nsize-classes: [tiny]",
            r":4:1: .*'size-classes'; did you mean size_c",
        ),
        ("[64, [48, 80]]", "[64]\n  bat-ch: [1]", r"mine\.yaml:6:3: unknown key 'bat-ch'; did you mean batch"),
        ("metrics: [params]", "metrics: [params]\nint: 1", r"mine\.yaml:7:6: unknown key 'int'"),
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


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: sequence", "kind: sequenc", r"mine\.yaml:5:9: unknown kind 'sequenc'; did you mean sequence\?"),
        ("kind: sequence", "kind: [sequence]", r"mine\.yaml:5:3: workload\.kind"),
        ("  kind: sequence\n", "", r"mine\.yaml:5:3: unknown key 'length'; known: kind, image_size"),
        ("[196, 1024]", "[196, 0]", r"mine\.yaml:6:17: workload\.length\.1: .*greater than or equal to 1"),
        ("[196, 1024]", "[]", r"mine\.yaml:6:3: workload\.length"),
        ("[forward, forward_", "[forward, foward_", r"mine\.yaml:8:19: workload\.mode\.1: .*'forward_backward'"),
        ("  channels: 64\n", "", r"mine\.yaml:4:1: 'channels' is missing"),
        ("channels: 64", "chanels: 64", r"mine\.yaml:7:12: unknown key 'chanels'; did you mean channels"),
        (
            "channels: 64",
            "channels: 64\n  layout: [channels_last]",
            r"mine\.yaml:8:3: unknown key 'layout'; known: kind",
        ),
    ],
)
def test_a_mistake_in_a_suite_of_sequences_is_shown_too(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        _load(tmp_path, SEQUENCES.replace(old, new))


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
