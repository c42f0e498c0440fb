from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.cell import Cell, identity
from suites.workload import SequenceWorkload


def _cell(**changes: object) -> Cell:
    base = {"model": "resnet18", "config": {}, "workload": {"height": 224, "width": 224}, "device": "cpu", "threads": 2}
    return Cell.model_validate({**base, **changes})


def test_identity_is_the_same_hash_on_every_machine_and_version() -> None:
    canonical = (
        '{"config":{},"device":"cpu","identity_version":2,"model":"resnet18","precision":"fp32",'
        '"runtime":"eager","seed":0,"threads":2,"workload":{"batch":1,"fuse":false,"height":224,"kind":"image",'
        '"layout":"contiguous","source":"photo","width":224}}'
    )
    assert identity(_cell()) == hashlib.sha256(canonical.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "resnet34"},
        {"config": {"img_size": [64, 64]}},
        {"workload": {"height": 224, "width": 240}},
        {"workload": {"height": 224, "width": 224, "fuse": True}},
        {"workload": {"height": 224, "width": 224, "layout": "channels_last"}},
        {"device": "cuda"},
        {"runtime": "compile"},
        {"precision": "bf16"},
        {"threads": 1},
        {"seed": 1},
    ],
)
def test_everything_that_decides_a_result_decides_the_identity(change: dict[str, object]) -> None:
    assert identity(_cell(**change)) != identity(_cell())


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_identity_survives_storage_and_key_order(config: dict[str, object]) -> None:
    cell = _cell(config=config)
    backwards = _cell(config=dict(reversed(config.items())))
    assert identity(Cell.model_validate_json(cell.model_dump_json())) == identity(cell) == identity(backwards)


def test_cells_of_one_size_share_a_block_whatever_their_layout() -> None:
    shipped, tuned = _cell(), _cell(workload={"height": 224, "width": 224, "fuse": True, "layout": "channels_last"})
    assert shipped.block == tuned.block
    assert shipped.block != _cell(workload={"height": 448, "width": 448}).block


def _sequence(**workload: object) -> Cell:
    return _cell(workload={"kind": "sequence", "length": 196, "channels": 64, **workload})


@pytest.mark.parametrize(
    "change",
    [{"length": 197}, {"channels": 128}, {"batch": 2}, {"mode": "forward_backward"}],
)
def test_everything_of_a_sequence_decides_identity_and_block(change: dict[str, object]) -> None:
    assert identity(_sequence(**change)) != identity(_sequence())
    assert _sequence(**change).block != _sequence().block


def test_a_sequence_survives_storage_and_has_its_length_in_tokens() -> None:
    cell = _sequence(mode="forward_backward")
    again = Cell.model_validate_json(cell.model_dump_json())
    assert (again, identity(again)) == (cell, identity(cell))
    assert isinstance(again.workload, SequenceWorkload)
    assert (again.workload.tokens, again.workload.shape) == (196, (1, 196, 64))
