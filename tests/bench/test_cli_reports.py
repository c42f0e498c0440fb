"""The report and merge commands, as a person types them."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import reports
from baselines.errors import UsageError
from bench.cli import app
from bench.store import Store
from tests.suites.builders import make_plan, make_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plan = make_plan()
    with Store.create(tmp_path, plan) as store:
        for planned in plan.cells:
            store.append(make_record(planned))
    return store.folder


def vio_bench(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_report_writes_the_formats_that_are_named(folder: Path) -> None:
    done = vio_bench("report", folder, "--format", "latex, parquet", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["formats"] == ["latex", "parquet"]
    assert list(folder.glob("tables/*.tex")) and list(folder.glob("tables/*.parquet"))
    assert not (folder / "report.md").exists() and not list(folder.glob("tables/*.csv"))


def test_an_unknown_format_is_a_usage_error_with_the_nearest(folder: Path) -> None:
    done = vio_bench("report", folder, "--format", "md,htm")
    assert done.exit_code == 2
    assert "unknown format 'htm'" in done.stderr and "html" in done.stderr
    assert not (folder / "report.md").exists()


@pytest.mark.parametrize(("found", "said"), [(True, "opened"), (False, "no browser found here; open")])
def test_open_shows_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch, found: bool, said: str) -> None:
    asked: list[tuple[str, ...]] = []
    pages: list[str] = []
    monkeypatch.setattr(
        reports, "write_report", lambda where, names, _: asked.append(tuple(names)) or where / "report.md"
    )
    monkeypatch.setattr(webbrowser, "open", lambda page: pages.append(page) or found)
    done = vio_bench("report", folder, "--format", "md", "--open")
    assert done.exit_code == 0 and asked == [("md", "html")]
    assert pages == [(folder / "report.html").resolve().as_uri()]
    assert f"{said} {folder / 'report.html'}" in done.stderr


def test_merge_says_what_it_made_and_a_merged_folder_is_not_gone_on_with(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    done = vio_bench("merge", folder, "--out", out)
    assert done.exit_code == 0, done.output
    assert "merged 1 run, 3 cells, 3 records" in done.stdout and f"vio-bench report {out}" in done.stdout
    again = vio_bench("merge", folder, out, "--out", out, "--json")
    assert json.loads(again.stdout)["cells"] == 3
    with pytest.raises(UsageError, match=r"was merged and can't go on; resume the run itself"):
        Store.open(out)
    assert not (out / ".lock").exists()
    refused = vio_bench("merge", folder, "--out", tmp_path)
    assert refused.exit_code == 2 and "holds something else" in refused.stderr
