"""Accuracy against cost: who is on the frontier, who may not be, and what is said of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.accuracy.contests import contests
from reports.answers import answers
from reports.plots.pareto import frontier, points_of, write_pareto_plots

LONG = "package.module.models:" + "a_factory_with_a_long_name_" * 4 + "end"
FEW = st.sampled_from([0.0, 1.0, 2.0, 3.0])


def texts(plot):
    return [text for text in ElementTree.parse(plot.svg).getroot().itertext() if text.strip()]


@given(st.lists(st.tuples(FEW, FEW) | st.tuples(st.floats(0, 9), st.floats(0, 1)), max_size=12))
def test_the_frontier_is_what_nothing_beats(points):
    def beaten(one):
        return any(o[0] <= one[0] and o[1] >= one[1] and o != one for o in points)

    found = frontier(points)
    assert sorted(found) == [i for i, point in enumerate(points) if not beaten(point)]
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


@pytest.fixture(scope="module")
def run(made):
    """By latency and accuracy: `quick`, `best` and `_odd` on the frontier, `slow` not, `shaky` not sound, `failed`
    without accuracy and `untimed` without latency."""
    run = made.run("accuracy", "Who?", made.task_axes)
    run.tasks = [made.card(baseline="k-mers and logistic regression on a very long line")]
    for model, right, latency in (
        ("quick", 0.9, 0.002),
        ("best", 0.98, 0.02),
        ("slow", 0.92, 0.03),
        ("_odd", 0.95, 0.01),
    ):
        run.learnt(made.task(model), made.answers_with(right), latency=latency, family=model)
    run.learnt(made.task("shaky"), made.answers_with(0.97), latency=0.001, status="unstable", reason="too noisy")
    run.add(made.task("failed"), {"latency": made.noisy(0.001, 1)}, status="oom", reason="no memory")
    record = run.learnt(made.task("untimed"), made.answers_with(0.99), family="u")
    del record.estimates["latency"]
    run.learnt(made.task(LONG), made.answers_with(0.5), latency=0.5, family="long")
    return run


@pytest.fixture(scope="module")
def plots(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pareto")
    return write_pareto_plots(run.save(folder / "run") and run.results(folder / "run"), folder / "plots")


def test_only_entrants_with_both_figures_are_drawn_and_only_sound_ones_compared(plots):
    latency = plots[0]
    assert set(latency.shows) == {"quick", "best", "slow", "_odd", "shaky", LONG}
    assert "On the Pareto frontier: quick, _odd and best." in latency.alt
    assert "Unstable, so not compared: shaky." in latency.alt
    said = texts(latency)
    assert said.count("hollow: latency unstable, not compared") == 1 and "failed" not in said
    assert "Pareto frontier" in said and "_odd" in said and "baseline: 90.0 %" in said
    assert "latency, batch 1" in said and "98.0 %, 20.0 ms" in " ".join(said)


def test_params_are_sound_whatever_the_latency(run, plots):
    params = next(plot for plot in plots if "against params" in plot.title)
    assert "Unstable" not in params.alt and "untimed" in params.shows
    (contest,) = contests(run.results(), answers(run.results()))
    assert all(point.sound for point in points_of(contest, "params"))
    assert [point.sound for point in points_of(contest, "latency") if point.entrant.name == "shaky"] == [False]


def test_memory_is_drawn_where_two_have_it(made, tmp_path, plots):
    assert len(plots) == 2  # latency and params
    run = made.run("accuracy", "Who?", made.task_axes)
    for model, size in (("a", 2**20), ("b", 2**24)):
        run.learnt(made.task(model), made.answers_with(0.9)).estimates["peak_rss"] = made.count(size, "B")
    found = write_pareto_plots(run.results(), tmp_path)
    assert [plot.svg.name.split("-")[1] for plot in found] == ["latency", "params", "peak_rss"]
    assert {"1 MiB", "4 MiB", "16 MiB"} <= set(texts(found[-1]))


def test_one_entrant_alone_has_no_frontier(made, tmp_path):
    run = made.run("accuracy", "Who?", made.task_axes)
    run.learnt(made.task("only"), made.answers_with(0.9))
    assert write_pareto_plots(run.results(), tmp_path / "plots") == []
    assert not (tmp_path / "plots").exists()


def test_the_same_records_give_the_same_bytes(run, plots, tmp_path):
    for first, second in zip(
        plots, write_pareto_plots(run.results(plots[0].svg.parent.parent / "run"), tmp_path), strict=True
    ):
        assert first.svg.read_bytes() == second.svg.read_bytes() and first.png.read_bytes() == second.png.read_bytes()
    assert not re.search(r"\d{4}-\d\d-\d\dT|matplotlib v", plots[0].svg.read_text(), re.I)
