"""Plots of growth: where lines cross their reference, what the legend says, and names that want to do harm."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.answers import answers
from reports.plots.axes import round_numbers
from reports.plots.crossings import compare_lines, ratio_to
from reports.plots.labels import shortened, wrapped
from reports.plots.looks import looks, slug
from reports.plots.scaling import write_plots
from reports.ratios import Ratio

LONG = "package.module.models:" + "a_factory_with_a_long_name_" * 4 + "end"


def texts(plot):
    return [text for text in ElementTree.parse(plot.svg).getroot().itertext() if text.strip()]


def ratios(values, spread=1.0):
    """Ratios whose interval spans that factor either way."""
    return [(tokens, Ratio(v, v / spread, v * spread, "processes")) for tokens, v in values]


def test_a_crossing_of_power_laws_is_where_algebra_puts_it():
    lengths = (64, 196, 784, 4096)
    # reference L ** 2, line 300 L: they cross at 300; with a factor of 1.5 either way from 200 to 450
    (found,) = compare_lines(ratios([(n, 300 / n) for n in lengths], 1.5)).crossings
    assert (found.tokens, found.low, found.high) == pytest.approx((300, 200, 450))
    assert found.below
    (other,) = compare_lines(ratios([(n, n / 300) for n in lengths])).crossings
    assert (other.tokens, other.low, other.high) == pytest.approx((300, 300, 300)) and not other.below


def test_what_intervals_do_not_tell_apart_is_no_crossing():
    noisy = compare_lines(ratios([(64, 1.05), (196, 0.97), (784, 0.9)], 1.2))
    assert noisy.crossings == [] and noisy.level == [64, 196, 784] and noisy.apart == []
    later = compare_lines(ratios([(64, 1.05), (196, 0.7), (784, 0.5)], 1.2))
    assert later.crossings == [] and later.level == [64] and later.apart == [196, 784]
    through = compare_lines(ratios([(64, 1.5), (196, 1.1), (784, 0.5)], 1.2))
    assert [c.low < 196 < c.high for c in through.crossings] == [True] and through.level == [196]
    there_and_back = compare_lines(ratios([(64, 2), (196, 0.5), (784, 2)]))
    assert [c.below for c in there_and_back.crossings] == [True, False]
    assert compare_lines([(64, Ratio(0.5, None, None, "unknown"))]).apart == []


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=8), st.floats(1, 2))
def test_a_crossing_lies_in_its_range_and_between_lengths_that_differ(values, spread):
    line = ratios([(64 * 2**i, value) for i, value in enumerate(values)], spread)
    found = compare_lines(line)
    signs = [ratio.value < 1 for _, ratio in line if ratio.differs]
    assert len(found.crossings) == sum(a != b for a, b in pairwise(signs))
    for crossing in found.crossings:
        assert 64 <= crossing.low <= crossing.tokens <= crossing.high <= 64 * 2 ** (len(values) - 1)


def test_exact_figures_are_compared_wherever_they_were_counted(made):
    run = made.run()
    run.add(made.cell(), {"macs": made.count(4), "latency": made.noisy(0.01, 1)})
    run.add(made.cell("b"), {"macs": made.count(2), "latency": made.noisy(0.01, 2)}, session=2)
    reference, other = answers(run.results())
    assert ratio_to(other, reference, "macs").value == 0.5
    assert ratio_to(other, reference, "latency") is None


@pytest.fixture(scope="module")
def plots(made, tmp_path_factory):
    """A reference as L ** 2; one that crosses it at 400 tokens; others that are level, fail, and have odd names."""
    run = made.run()
    for i, size in enumerate((128, 224, 448, 1024)):
        n = (size // 16) ** 2
        slower = {"vit": n, "crosses": 400, "level": n * 1.001, "_hidden": 40, LONG: 50, "shaky": 60}
        for j, (model, seconds) in enumerate(slower.items()):
            broken = model == "shaky" and size > 300
            run.add(
                made.cell(model, size), {"latency": made.noisy(seconds * n * 1e-6, 10 * i + j, noise=0.02)},
                family="vit" if model == "vit" else model, status="unstable" if broken else "ok",
                reason="too noisy" if broken else None,
            )  # fmt: skip
    return write_plots(run.results(), tmp_path_factory.mktemp("plots"))


def test_the_legend_says_exponents_crossings_and_what_can_not_be_told(plots):
    (plot,) = plots
    said = texts(plot)
    assert "Latency against sequence length (cpu, 2 threads, batch 1)" in said
    for text in ("it: vit", "≈ it at every length", "_hidden", "hollow: failed or unstable, not in the fit"):
        assert text in said, text
    (crossing,) = [text for text in said if text.startswith("○ below it from")]
    assert 380 < float(crossing.split()[4]) < 420
    assert sum(text.startswith("exponent 2.0") for text in said) == 2
    assert sum(text.startswith(("exponent 1.0", "exponent 0.9")) for text in said) == 4
    assert "exponent: fitted over the longer half" in said


def test_the_figure_says_what_it_shows_to_those_who_do_not_see_it(plots):
    (plot,) = plots
    assert "crosses crosses vit: below it from" in plot.alt and f"{LONG} 1.0" in plot.alt
    assert plot.kind == "scaling" and set(plot.shows) == {"vit", "crosses", "level", "_hidden", LONG, "shaky"}
    assert plot.svg.stat().st_size < 60_000


def test_the_background_and_all_that_is_no_data_has_known_colours(plots):
    style = plots[0].svg.read_text()
    assert "fill: #262626" in style and "fill: #ffffff" in style and "#000000" not in style


def test_one_model_has_no_reference_and_no_order(made, tmp_path):
    run = made.run()
    for size in (128, 256):
        run.add(made.cell("only", size), {"macs": made.count(size**2)}, family="f")
    (plot,) = write_plots(run.results(), tmp_path)
    assert not [text for text in texts(plot) if "reference" in text or "order" in text or text.startswith("it:")]
    assert "exponent 1.00" in texts(plot)


def test_where_all_figures_are_zero_there_is_no_plot(made, tmp_path):
    run = made.run()
    for size in (224, 448):
        run.add(made.cell("vio_tiny", size), {"peak_rss": made.count(0, "B"), "macs": made.count(size**2)})
    plots = write_plots(run.results(), tmp_path)
    assert [plot.svg.stem for plot in plots] == ["macs"]


def test_more_models_than_colours_still_look_different(made):
    run = made.run()
    for i in range(24):
        run.add(made.cell(f"m{i}"), {"macs": made.count(1)}, family="f")
    seen = looks(answers(run.results()))
    assert len(set(seen.values())) == 24


@given(st.text(max_size=300), st.integers(8, 40), st.integers(1, 4))
def test_any_name_fits_its_place(name, width, lines):
    parts = wrapped(name, width, lines).split("\n")
    assert len(parts) <= lines and max(map(len, parts)) <= width
    assert len(shortened(name, width)) <= width


def test_names_of_files_stay_apart():
    assert slug("cpu, 2 threads, batch 1") == "cpu-2-threads-batch-1"
    names = {slug(text) for text in ("模型", "模", "", "a" * 300, "a" * 301)}
    assert len(names) == 5 and all(0 < len(name) < 100 and name.isascii() for name in names)


@given(st.floats(1e-6, 1e9), st.floats(1.5, 1e6), st.sampled_from(["s", "B", "1"]))
def test_ticks_are_few_and_inside(low, factor, unit):
    found = round_numbers(low, low * factor, unit)
    assert 1 <= len(found) <= 9
    assert all(low * (1 - 1e-6) <= tick <= low * factor * (1 + 1e-6) for tick in found)
    assert found == sorted(found) and math.isfinite(sum(found))
