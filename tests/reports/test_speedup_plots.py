"""The heat map of ratios: what each cell says, and which cells say nothing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_rgb

from reports.plots.heat_map import hue
from reports.plots.speedup import _colour, _two_digits, write_speedup_plots


def texts(plot):
    return [text for text in ElementTree.parse(plot.svg).getroot().itertext() if text.strip()]


@pytest.fixture(scope="module")
def plot(made, tmp_path_factory):
    run = made.run()
    for size in (128, 224, 448):
        for i, (model, factor) in enumerate({"vit": 1.0, "fast": 0.25, "level": 1.0, "slow": 40.0}.items()):
            cell = made.cell(model, size)
            if (model, size) == ("slow", 448):
                run.add(cell, family="f", status="timeout", reason="no answer")
            elif (model, size) == ("fast", 224):
                run.plan(cell, "f")
            elif (model, size) == ("vit", 448):
                run.add(cell, status="oom", reason="no memory")
            else:
                latency = made.noisy(factor * size / 1e4, 10 * size + i, noise=0.02)
                run.add(cell, {"latency": latency}, family=model if model == "vit" else "f")
    (plot,) = write_speedup_plots(run.results(), tmp_path_factory.mktemp("speed"))
    return plot


def test_each_cell_has_its_ratio_or_says_why_there_is_none(plot):
    said = texts(plot)
    assert said.count("timeout") == 1 and said.count("missing") == 1 and said.count("oom") == 1
    assert said.count("0.25") == 1 and said.count("40") == 2
    assert sum(text.startswith("≈ ") and text[2].isdigit() for text in said) == 2  # level, at two sizes
    assert "12.8 ms" in said or "12.7 ms" in said or "12.9 ms" in said  # the reference itself, in time
    assert "11.2 ms" in said  # fast at 448 px, where the reference has none
    assert {"128 px", "224 px", "448 px", "vit", "fast", "level", "slow"} <= set(said)
    assert "Latency over that of vit (cpu, 2 threads, batch 1)" in said


def test_the_legend_explains_the_marks_that_are_there(plot):
    said = " ".join(texts(plot))
    assert "≈ the 95 % interval holds 1" in said and "hatched: " in said and "too few samples" not in said


def test_it_is_told_in_words_too(plot):
    assert "slow 40 at 128 and 40 at 224" in plot.alt and "slow at 448 timeout" in plot.alt
    assert plot.kind == "speedup" and plot.shows[0] == "vit"


def test_faster_and_slower_by_the_same_factor_are_equally_far_from_the_middle():
    centre = to_rgb(_colour(1.0, 4.0))
    assert max(centre) - min(centre) < 0.02 and min(centre) > 0.9
    for factor in (2, 8, 1000):
        blue, red = to_rgb(_colour(1 / factor, 4.0)), to_rgb(_colour(factor, 4.0))
        assert blue[2] > blue[0] and red[0] > red[2]
    assert _colour(1000, 4.0) == _colour(16, 4.0)
    assert hue("#777777") == "#777778" and hue("#ffffff") == "#fffffe"


def test_numbers_have_two_digits():
    assert [_two_digits(v) for v in (0.0664, 0.5, 0.999, 1.04, 12.4, 99.7, 1234)] == [
        "0.066", "0.50", "1.0", "1.0", "12", "100", "1,234",
    ]  # fmt: skip


def test_without_anything_to_compare_nothing_is_drawn(made, tmp_path):
    alone = made.run()
    for size in (128, 224):
        alone.add(made.cell("only", size), {"latency": made.noisy(0.01, size)}, family="f")
    failed = made.run()
    for model in ("vit", "b"):
        failed.add(made.cell(model), status="error", reason="broken")
    for run in (alone, failed, made.run()):
        assert write_speedup_plots(run.results(), tmp_path / "plots") == []


def test_at_one_size_the_settings_are_the_columns(made, tmp_path):
    run = made.run()
    for batch in (1, 8):
        for i, model in enumerate(("vit", "b")):
            run.add(made.cell(model, batch=batch), {"latency": made.noisy(0.01 * (i + 1), i)}, family=model)
    (plot,) = write_speedup_plots(run.results(), tmp_path)
    assert {"batch 1", "batch 8", "Latency over that of vit (cpu, 2 threads)"} <= set(texts(plot))
