from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from suites.workload import ImageWorkload, SequenceWorkload, Workload


def test_tokens_are_nominal_and_the_same_for_every_family() -> None:
    assert ImageWorkload(height=1024, width=1024).tokens == 4096
    assert ImageWorkload(height=250, width=130).tokens == 15 * 8


@pytest.mark.parametrize("size", [0, -1, 15, 10**6])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(ValidationError):
        ImageWorkload(height=size, width=224)


@pytest.mark.parametrize(
    "workload",
    [
        {"kind": "sequence", "length": 0, "channels": 64},
        {"kind": "sequence", "length": 8, "channels": 64, "mode": "backward"},
        {"kind": "sequence", "height": 224, "width": 224},
        {"kind": "image", "length": 8, "channels": 64},
        {"kind": "audio", "length": 8, "channels": 64},
        {"kind": "sequence", "length": 8, "channels": 64, "fuse": True},
    ],
)
def test_an_impossible_workload_is_refused(workload: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Workload).validate_python(workload)


def test_both_kinds_offer_all_that_callers_ask_for() -> None:
    of_kind = [{name for name in dir(kind) if not name.startswith("_")} for kind in (ImageWorkload, SequenceWorkload)]
    asked = {"shape", "dimensions", "tokens", "size", "unit", "title", "setting", "label", "block", "layout", "mode"}
    offered = [names | set(k.model_fields) for names, k in zip(of_kind, (ImageWorkload, SequenceWorkload), strict=True)]
    assert all(asked | {"batch", "kind", "source", "fuse"} <= names for names in offered)
