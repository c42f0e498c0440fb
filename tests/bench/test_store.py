from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from baselines.errors import UsageError
from bench.run import missing
from bench.store import Store
from suites.record import Status
from suites.results import RECORDS, read_results
from tests.suites.builders import make_plan, make_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A result folder with two of three cells done."""
    plan = make_plan()
    with Store.create(tmp_path, plan) as store:
        for planned in plan.cells[:2]:
            store.append(make_record(planned))
    return store.folder


def test_what_is_written_is_read_again(folder: Path) -> None:
    results = read_results(folder)
    assert [record.cell.model for record in results.records] == ["a", "b"]
    assert results.torn_bytes == 0
    with Store.open(folder) as store:
        assert [planned.cell.model for planned in missing(store)] == ["c"]


def test_only_one_run_at_a_time_works_in_a_folder(folder: Path) -> None:
    with Store.open(folder):
        with pytest.raises(UsageError, match="another vio-bench works in"):
            Store.open(folder)
        read_results(folder)  # reading is always allowed
    Store.open(folder).__exit__(None, None, None)


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_reported_cut_off_and_run_again(folder: Path, cut: int) -> None:
    path = folder / RECORDS
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert read_results(folder).torn_bytes > 0
    with Store.open(folder) as store:
        assert [planned.cell.model for planned in missing(store)] == ["b", "c"]
        store.append(make_record(store.plan.cells[1]))
    assert read_results(folder).torn_bytes == 0
    assert len(read_results(folder).records) == 2


def test_a_malformed_middle_line_is_an_error_with_file_and_line(folder: Path) -> None:
    path = folder / RECORDS
    first, second, _ = path.read_text().split("\n")
    for damaged, message in (
        (first[:50], "not JSON"),
        (first.replace('"status":"ok"', '"status":"fine"'), "status: "),
        (first.replace('"threads":1', '"threads":2'), "does not belong to its cell"),
        ("", "not JSON"),
        (json.dumps({**json.loads(first), "schema_version": 99}), "schema 99 is newer"),
    ):
        path.write_text(f"{damaged}\n{second}\n")
        with pytest.raises(UsageError, match=rf"records\.jsonl:1: .*{message}"):
            read_results(folder)


def test_records_of_another_run_are_noticed(folder: Path, tmp_path: Path) -> None:
    other = Store.create(tmp_path / "other", make_plan(("x",)))
    with (folder / RECORDS).open("a") as file:
        file.write(make_record(other.plan.cells[0]).model_dump_json() + "\n")
    with pytest.raises(UsageError, match=r"records\.jsonl:3: .*come from different runs"):
        read_results(folder)


def test_a_folder_that_is_no_result_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not a result folder: it has no plan\.json"):
        read_results(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        Store.open(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())  # and nothing was left in it


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"can't write .*Not a directory.*--out"):
        Store.create(tmp_path / "file", make_plan())


@contextmanager
def _full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond ``room`` bytes: writing fails half-way through a line, as on a full disk."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_loses_nothing_that_was_recorded(folder: Path) -> None:
    before = (folder / RECORDS).read_bytes()
    with Store.open(folder) as store, _full_disk(len(before) + 100), pytest.raises(UsageError, match="is safe"):
        store.append(make_record(store.plan.cells[2]))
    assert (folder / RECORDS).read_bytes() == before
    with Store.open(folder) as store:
        store.append(make_record(store.plan.cells[2]))
        assert not missing(store)


def test_ctrl_c_finishes_the_line_being_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    import os

    flush = os.fsync
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(os, "fsync", lambda handle: (signal.raise_signal(signal.SIGINT), flush(handle)))
    with Store.open(folder) as store, pytest.raises(KeyboardInterrupt):
        store.append(make_record(store.plan.cells[2]))
    assert len(read_results(folder).records) == 3


def test_a_crash_is_tried_again_and_any_other_status_is_an_answer(tmp_path: Path) -> None:
    plan = make_plan()
    with Store.create(tmp_path, plan) as store:
        for planned, status in zip(plan.cells, (Status.CRASHED, Status.TIMEOUT, Status.OOM), strict=True):
            store.append(make_record(planned, status))
        assert [planned.cell.model for planned in missing(store)] == ["a"]
        store.append(make_record(plan.cells[0], attempt=2))
        assert not missing(store)
    latest = next(r for r in read_results(store.folder).latest().values() if r.identity == plan.cells[0].identity)
    assert (latest.attempt, latest.status) == (2, Status.OK)
