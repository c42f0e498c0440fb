from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from baselines import registry
from baselines.errors import UsageError
from baselines.registry import Registry


def test_an_entry_is_imported_only_when_asked_for() -> None:
    numbers: Registry[object] = Registry("number", {"pi": "math:pi", "lost": "no_such_module:thing"})
    assert list(numbers) == ["pi", "lost"]
    assert numbers.load("pi") == pytest.approx(3.14159, abs=1e-5)


def test_a_misspelt_name_gets_the_nearest_ones() -> None:
    metrics: Registry[object] = Registry("metric", {"latency": "x:y", "params": "x:y"})
    with pytest.raises(UsageError, match=r"unknown metric 'latencey': did you mean latency\?"):
        metrics.check("latencey")
    with pytest.raises(UsageError, match="known: latency, params"):
        metrics.check("zzz")


def test_a_plug_in_is_found_and_a_collision_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("tau", "math:tau", "vio_bench.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == entry.group else [])
    assert "tau" in Registry("number", {"pi": "math:pi"})
    with pytest.raises(UsageError, match="'tau' is registered twice"):
        list(Registry("number", {"tau": "math:pi"}))
