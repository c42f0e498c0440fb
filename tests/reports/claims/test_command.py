"""``vio-bench claims``: verdicts for people and for programs, and what it exits with."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from baselines.errors import UsageError
from bench.cli import app

MINE = """
document: mine
title: "Mine [bold]x[/bold]"
claims:
  - id: vit-fewer-params
    sentence: It is small.
    kind: bound
    metric: params
    ours: {model: vit_tiny_patch16_224, height: 224}
    at_most: 1.0e+6
    command: vio-bench run --suite scaling
  - id: vit-many-params
    sentence: It is large.
    kind: bound
    metric: params
    ours: {model: vit_tiny_patch16_224, height: 224}
    at_least: 1.0e+6
    command: vio-bench run --suite scaling
"""


@pytest.fixture(scope="module")
def run(scaling_run, tmp_path_factory):
    return scaling_run.save(tmp_path_factory.mktemp("claims") / "run")


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


def ask(*arguments):
    return CliRunner().invoke(app, ["claims", *map(str, arguments)])


def test_every_claim_has_a_verdict_or_the_command_that_would_test_it(run, mine):
    found = ask(run, "--claims", mine)
    assert found.exit_code == 0
    assert "Mine [bold]x[/bold]: 1 supported and 1 refuted" in found.stdout
    assert "of " in found.stdout and "untested" in found.stdout
    assert "to test: vio-bench run --suite mixers" in found.stdout


def test_a_required_claim_that_is_refuted_exits_with_3(run, mine):
    refuted = ask(run, "--claims", mine, "--require", "vit-fewer-params")
    assert refuted.exit_code == 3
    assert "required claim 'vit-fewer-params' is refuted" in refuted.stderr
    assert ask(run, "--claims", mine, "--require", "vit-many-params").exit_code == 0


def test_json_holds_every_judgement_with_its_numbers(run, mine):
    found = ask(run, "--claims", mine, "--require", "vit-fewer-params", "--json")
    said = json.loads(found.stdout)
    assert (found.exit_code, said["exit_code"], said["refuted"]) == (3, 3, ["vit-fewer-params"])
    by_id = {one["id"]: one for one in said["claims"]}
    assert by_id["vit-many-params"]["verdict"] == "supported"
    assert by_id["vit-fewer-params"]["value"] == 5.7e6 and by_id["vit-fewer-params"]["p"] is None
    assert {one["verdict"] for one in said["claims"]} <= {"supported", "refuted", "inconclusive", "untested"}
    assert all(one["command"] for one in said["claims"])


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("", ""), ["--require", "vit-fewer-parms"], "unknown claim 'vit-fewer-parms': did you mean vit-fewer-params"),
        (("metric: params", "metric: parms"), [], "mine.yaml:8:13: claim 'vit-fewer-params': unknown metric 'parms'"),
        (
            ("vit_tiny_patch16_224", "vio_tinny"),
            [],
            "mine.yaml:9:19: claim 'vit-fewer-params': unknown model 'vio_tinny'",
        ),
        (("kind: bound", "kind: bond"), [], "mine.yaml:7:11: unknown kind 'bond'; did you mean bound?"),
    ],
)
def test_what_is_wrong_exits_with_2_and_one_line(run, mine, change, arguments, said, monkeypatch):
    def find(name):  # the catalogue itself imports timm, which takes seconds, and is tested elsewhere
        raise UsageError(f"unknown model '{name}': did you mean vio_tiny?")

    monkeypatch.setattr("baselines.catalogue.find", find)
    mine.write_text(MINE.replace(*change, 1))
    found = ask(run, "--claims", mine, *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert said in found.stderr and found.stderr.count("\n") == 1


def test_the_help_has_an_example():
    assert "vio-bench claims results/" in ask("--help").stdout


def test_a_report_refuses_names_in_its_claims_as_the_claims_command_does(run, mine):
    mine.write_text(MINE.replace("metric: params", "metric: parms", 1))
    found = CliRunner().invoke(app, ["report", str(run), "--format", "csv", "--claims", str(mine)])
    assert (found.exit_code, found.stdout) == (2, "")
    assert "mine.yaml:8:13: claim 'vit-fewer-params': unknown metric 'parms'" in found.stderr
    assert not (run / "tables").exists()
