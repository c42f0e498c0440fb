from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import reports
from baselines.errors import UsageError
from bench.store import Store
from tests.bench.conftest import ROOT, Command
from tests.suites.builders import make_plan, make_record

SuiteFile = Callable[..., Path]


def _records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def _two_sizes(suite_file: SuiteFile) -> Path:
    return suite_file(["hostile:Sleep", "resnet10t"], workload={"image_size": [32, 64], "source": "noise"})


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "heavy = {'torch', 'timm', 'numpy', 'pandas', 'pydantic', 'yaml', 'matplotlib'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["run", "report", "list", "show", "predict", "schema", "doctor"])
def test_every_command_has_help_with_an_example(command: Command, name: str) -> None:
    done = command(name, "--help")
    assert done.returncode == 0
    assert f"Example: vio-bench {name}" in done.stdout


def test_a_run_leaves_a_complete_folder_and_a_summary(
    own_process: Command, command: Command, suite_file: SuiteFile, tmp_path: Path
) -> None:
    done = own_process("run", "--suite", _two_sizes(suite_file), "--json")
    assert done.returncode in (0, 5), done.stderr  # six short samples on a busy machine may say nothing
    answer = json.loads(done.stdout)
    assert answer["exit_code"] == done.returncode
    assert answer["cells"].get("ok", 0) + answer["cells"].get("unstable", 0) == 4
    folder = tmp_path / answer["folder"]
    for name in ("plan.json", "records.jsonl", "environment.json", "report.md", "tables", "plots"):
        assert (folder / name).exists(), name
    schema = json.loads(command("schema", "record").stdout)
    for record in _records(folder):
        jsonschema.Draft202012Validator(schema).validate(record)
    sleep = next(r for r in _records(folder) if r["cell"]["model"] == "hostile:Sleep")["estimates"]  # type: ignore[index]
    assert sleep["params"]["value"] == 15 and sleep["macs"]["value"] == 15
    assert sleep["latency"]["low"] >= 0.02
    assert "hostile:Sleep @ 32 px" in done.stderr  # a plain log where there is no terminal


def test_every_way_to_fail_is_a_record_and_the_others_are_measured(
    command: Command, suite_file: SuiteFile, tmp_path: Path
) -> None:
    names = ["AllocateWithoutEnd", "NeverReturn", "Segfault", "Raise", "Sleep"]
    protocol = {"target": 0.5, "processes": 1, "time_cap_s": 0.05, "warmup_cap_s": 0.05, "timeout_s": 6}
    suite = suite_file([f"hostile:{n}" for n in names], protocol={**protocol, "memory_limit_gib": 1})
    done = command("run", "--suite", suite, "--out", tmp_path / "out")
    assert done.returncode == 4, done.stderr
    (folder,) = (tmp_path / "out").iterdir()
    statuses = {record["cell"]["model"].partition(":")[2]: record["status"] for record in _records(folder)}  # type: ignore[index]
    assert statuses == dict(zip(names, ["oom", "timeout", "crashed", "error", "ok"], strict=True))
    assert "Traceback" not in done.stderr
    # a crash is tried again by --resume, the other answers stand
    assert command("run", "--resume", folder).returncode == 4
    attempts = [(r["cell"]["model"], r["attempt"]) for r in _records(folder)][5:]  # type: ignore[index]
    assert attempts == [("hostile:Segfault", 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--suite", "scalin"], "unknown suite 'scalin': did you mean scaling?"),
        (["run", "--model", "resnt18"], "unknown model 'resnt18'"),
        (["run", "--device", "cdua"], "unknown device 'cdua': did you mean cuda?"),
        (["run", "--precision", "fp31"], "unknown precision 'fp31'"),
        (["run", "--model", "no_such:thing"], "importing no_such failed"),
        (["run", "--model", "hostile:Sleep", "--out", "/dev/null/x"], "can't write"),
        (["run", "--resume", "."], "not a result folder"),
        (["run", "--resume", ".", "--device", "cpu"], "leave the other options away"),
        (["report", "nowhere"], "is not a folder"),
        (["list", "modles"], "unknown kind 'modles': did you mean models?"),
        (["schema", "recrod"], "did you mean record?"),
        (["show", "resnt18"], "unknown model 'resnt18'"),
        (["show", "hostile:Raise"], "this layer does not like you"),
        (["show", "hostile:ReturnNan"], "NaN"),
    ],
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(command: Command, arguments: list[str], message: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_a_process_of_its_own_says_no_more_than_that_line(own_process: Command) -> None:
    """What libraries print while they are first imported, and at exit, would show only here."""
    done = own_process("show", "hostile:Raise")
    assert done.returncode == 2, done.stderr
    assert "this layer does not like you" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_debug_shows_the_traceback(own_process: Command) -> None:
    done = own_process("--debug", "run", "--suite", "scalin")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "did you mean scaling?" in done.stderr


@pytest.mark.parametrize("key", ["metrics", "device", "runtime", "models"])
def test_an_unknown_name_in_a_suite_is_shown_at_its_line(command: Command, suite_file: SuiteFile, key: str) -> None:
    path = suite_file(["resnet10t"])
    path.write_text(path.read_text().replace("models:\n- resnet10t\n", "") + f"\n{key}:\n- zzz\n")
    path.write_text(path.read_text() if key == "models" else path.read_text() + "\nsize_classes: [tiny]\n")
    if key == "metrics":
        path.write_text(path.read_text().replace("metrics:\n- params\n- macs\n- latency\n- peak_memory\n", ""))
    done = command("run", "--suite", path)
    line = path.read_text().splitlines().index("- zzz") + 1
    assert done.returncode == 2
    assert f"mine.yaml:{line}:3: unknown" in done.stderr


def test_a_device_that_is_not_here_is_a_usage_error(command: Command) -> None:
    done = command("run", "--suite", "smoke", "--model", "hostile:Sleep", "--device", "mps")
    assert done.returncode == 2
    assert "nothing could run here: torch has no Metal device" in done.stderr


def test_show_gives_the_exact_figures(command: Command) -> None:
    done = command("show", "vit_tiny_patch16_224", "--image-size", 320, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    patches, width, depth = 20 * 20, 192, 12
    tokens = patches + 1
    assert figures["params"] == 5717416 + (patches - 14 * 14) * width
    attention = depth * 2 * tokens**2 * width
    linear = depth * 12 * tokens * width**2 + patches * 16 * 16 * 3 * width + 1000 * width
    assert figures["macs"] == attention + linear
    assert figures["flops"] == 2 * figures["macs"]
    assert 0.9 < figures["macs_coverage"] <= 1
    assert sum(row["params"] for row in figures["layers"] if row["depth"] == 1) <= figures["params"]
    assert "blocks.11" in {row["name"] for row in figures["layers"]}


def test_show_warns_where_the_count_has_a_gap(command: Command) -> None:
    done = command("show", "hostile:ElementwiseScan", "--image-size", 64)
    assert done.returncode == 0, done.stderr
    assert "MACs cover 0% of the arithmetic" in done.stdout


def test_a_report_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    plan = make_plan()
    with Store.create(tmp_path, plan) as store:
        store.append(make_record(plan.cells[0]))
    (store.folder / "tables").write_text("in the way")
    with pytest.raises(UsageError, match=r"can't write the report in .*vio-bench report"):
        reports.write_report(store.folder)


def test_what_a_model_prints_is_not_part_of_the_answer(command: Command) -> None:
    done = command("show", "hostile:PrintMuch", "--image-size", 32, "--json")
    assert json.loads(done.stdout)["params"] == 15
    assert "{noise}" in done.stderr


def test_a_run_does_not_mix_two_versions_of_a_users_code(
    command: Command, suite_file: SuiteFile, tmp_path: Path
) -> None:
    (tmp_path / "mine_too.py").write_text("from hostile import Sleep\n")
    folder = tmp_path / json.loads(command("run", "--suite", suite_file(["mine_too:Sleep"]), "--json").stdout)["folder"]
    (folder / "records.jsonl").write_text("")
    (tmp_path / "mine_too.py").write_text("from hostile import Sleep  # changed\n")
    assert command("run", "--resume", folder).returncode == 4
    assert "its module changed since the run was planned" in str(_records(folder)[0]["reason"])


def test_list_names_what_there_is(command: Command) -> None:
    listed = json.loads(command("list", "--json").stdout)
    assert set(listed) == {"suites", "models", "devices", "runtimes", "tasks", "metrics"}
    assert {"vio_tiny", "vit_tiny_patch16_224"} <= set(listed["models"])
    assert all(about and about != "from a plug-in" for kind in listed.values() for about in kind.values())


def test_doctor_answers_in_json(command: Command) -> None:
    done = command("doctor", "--json")
    checks = json.loads(done.stdout)
    assert done.returncode == (5 if any(check["level"] == "unfit" for check in checks) else 0)
