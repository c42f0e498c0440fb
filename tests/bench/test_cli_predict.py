"""The command `predict`: what it prints, as a table and as JSON, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from bench import model_folder
from bench.cli import app
from bench.predictor import Predictor
from tests.bench import trained
from tests.bench.conftest import Command
from tests.bench.trained import Learnt


@pytest.fixture
def predict(command: Command) -> Command:
    return lambda *arguments: command("predict", *arguments, "--threads", 1)


def test_the_command_answers_in_json(predict: Command, digits: Learnt, tmp_path: Path) -> None:
    for index, array in enumerate(trained.pixels(digits, 3)):
        Image.fromarray(array).save(tmp_path / f"{index}.png")
    done = predict(digits.folder.parent, "0.png", "1.png", "2.png", "--json", "--top", 2, "--batch", 2)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["model"], answer["task"]) == ("vio_nano", "digits")
    assert answer["test_accuracy"]["value"] == digits.answers.accuracy
    expected = Predictor.load(digits.folder).predict(trained.pixels(digits, 3))
    assert [row["label"] for row in answer["predictions"]] == [prediction.label for prediction in expected]
    assert all(len(row["probabilities"]) == 2 for row in answer["predictions"])
    assert [row["input"] for row in answer["predictions"]] == ["0.png", "1.png", "2.png"]


def test_the_command_shows_a_table(predict: Command, dna: Learnt, tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_text(">gene [1]\nACGTACGT\n")
    done = predict(dna.folder, "a.fa", "ACCA")
    assert done.returncode == 0, done.stderr
    assert "a.fa:1 gene [1]" in done.stdout and "ACCA" in done.stdout and "strong" in done.stdout


def test_many_classes_stand_below_each_other_and_none_is_cut(predict: Command, digits: Learnt, tmp_path: Path) -> None:
    Image.fromarray(trained.pixels(digits, 1)[0]).save(tmp_path / "0.png")
    done = predict(digits.folder, "0.png", "--top", 10)
    assert done.returncode == 0, done.stderr
    (expected,) = Predictor.load(digits.folder).predict(trained.pixels(digits, 1))
    rows = [line.split("│")[2:4] for line in done.stdout.splitlines() if line.startswith("│")]
    shown = [(label.strip(), float(share)) for label, share in rows]
    assert shown == [(label, round(100 * share, 1)) for label, share in expected.probabilities.items()]


def test_a_bad_input_among_others_is_exit_code_4_and_none_that_is_good_2(
    predict: Command, digits: Learnt, tmp_path: Path
) -> None:
    Image.fromarray(trained.pixels(digits, 1)[0]).save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    some = predict(digits.folder, "good.png", "torn.png")
    assert some.returncode == 4 and "good.png" in some.stdout
    assert some.stderr.startswith("vio-bench: left out torn.png: can't be decoded")
    listed = json.loads(predict(digits.folder, "good.png", "torn.png", "--json").stdout)
    assert listed["exit_code"] == 4 and [row["input"] for row in listed["errors"]] == ["torn.png"]
    for inputs in (["torn.png"], ["torn.png", "none.png"]):
        none = predict(digits.folder, *inputs)
        assert none.returncode == 2 and len(none.stderr.splitlines()) == 1 and not none.stdout
        assert "torn.png: can't be decoded" in none.stderr


def test_no_good_input_is_still_json(predict: Command, digits: Learnt) -> None:
    done = predict(digits.folder, "none.png", "nor.png", "--json")
    listed = json.loads(done.stdout)
    assert done.returncode == listed["exit_code"] == 2 and listed["predictions"] == []
    assert [row["input"] for row in listed["errors"]] == ["none.png", "nor.png"]
    assert done.stderr.startswith("vio-bench: none.png: can't be decoded") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_letters_that_stdout_lacks_are_escaped(dna: Learnt, tmp_path: Path, options: list[str]) -> None:
    folder = Path(shutil.copytree(dna.folder, tmp_path / "model"))
    card = json.loads((folder / model_folder.CARD).read_text())
    (folder / model_folder.CARD).write_text(json.dumps({**card, "classes": ["grün", "🧬"]}))
    (tmp_path / "a.fa").write_text(">ü\nACGT\n", encoding="utf-8")
    arguments = ["predict", str(folder), str(tmp_path / "a.fa"), "--threads", "1", *options]
    done = CliRunner(charset="ascii").invoke(app, arguments, env={"COLUMNS": "120"}, catch_exceptions=False)
    assert done.exit_code == 0 and "gr\\u00fcn" in done.stdout
    if options:
        (row,) = json.loads(done.stdout)["predictions"]
        assert row["input"].endswith("a.fa:1 ü") and set(row["probabilities"]) == {"grün", "🧬"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "a.png"], "no trained model in nowhere"),
        (["{folder}", "a.png", "--device", "cdua"], "unknown device 'cdua': did you mean cuda?"),
        (["{folder}", "ACGT"], "ACGT: can't be decoded"),
    ],
)
def test_bad_usage_is_one_line(predict: Command, digits: Learnt, arguments: list[str], message: str) -> None:
    done = predict(*(argument.format(folder=digits.folder) for argument in arguments))
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_help_has_an_example(command: Command) -> None:
    done = command("predict", "--help")
    assert done.returncode == 0 and "Example: vio-bench predict" in done.stdout
