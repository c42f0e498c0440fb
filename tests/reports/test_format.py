"""Figures for people, and names that can do no harm."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.format import between, digits, figure, listed, markdown, percent, plus_minus, spread, spreadsheet
from suites.estimate import exact, sampled

HOSTILE = [
    "a|b", "<script>alert(1)</script>", "`code`", "two\nlines", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "$x^$",
    "![x](http://example.org/x.png)", "[x](javascript:alert(1))", "**bold** _it_ ~~no~~", "a\\|b", "&lt;b&gt;",
    "http://example.org", "www.example.org", "{{ 7 * 7 }}", "[red]rich[/red]", "\u202egnp.exe", "--> <!--", "{% raw %}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0291, "s", "29.1 ms"), (1.2578e9, "1", "1.26 G"), (12.6 * 2**20, "B", "12.6 MiB"), (5717416, "1", "5.72 M"),
        (0.9996, "s", "1.00 s"), (0.99949, "s", "999 ms"), (999_999, "1", "1.00 M"), (1023.9 * 1024, "B", "1.00 MiB"),
        (1000 * 1024, "B", "1,000 KiB"), (0, "B", "0 B"), (0, "1", "0"), (120, "1", "120"), (34.4, "1/s", "34.4 /s"),
        (3e-10, "s", "0.300 ns"), (4.474e-7, "1", "4.47e-7"), (300, "s", "300 s"), (0.5, "J", "0.500 J"),
    ],
)  # fmt: skip
def test_three_significant_digits_with_a_prefix(value, unit, shown):
    assert figure(value, unit) == shown


@given(st.floats(1e-12, 1e12))
def test_no_figure_is_off_by_more_than_half_a_digit(value):
    assert float(digits(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


def test_intervals():
    narrow = sampled([[1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0]], "s", "")
    assert spread(narrow) == "± 2.0 %"
    assert spread(sampled([[1.0, 1.0, 1.0, 1.01, 1.02, 1.5, 2.0, 3.0]], "s", "")) == "(1.00–3.00 s)"
    assert spread(sampled([[0.999, 0.999, 0.999, 0.999, 0.999, 3.0]], "s", "")) == "(999 ms–3.00 s)"
    assert spread(exact(5, "1", "")) == ""
    assert [percent(share) for share in (0.12, 0.012, 0.0031, 0.0004, 0, 1.5)] == [
        "12 %", "1.2 %", "0.3 %", "0.04 %", "0 %", "150 %",
    ]  # fmt: skip
    assert between(0.61, 0.59, 0.63) == "0.61 (0.59–0.63)"
    assert between(0.478, 0.4755, 0.4805) == "0.478 (0.475–0.480)"
    assert between(1, 1, 1) == "1.00"
    assert between(1.02, None, None) == "1.02 (?)"
    assert plus_minus(0.98, 0.97, 0.99) == "0.98 ± 0.01"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"
    assert listed([]) == ""


def parsed(text):
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).parse(text)
    return tokens, [child for token in tokens for child in token.children or []]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_in_a_markdown_cell_is_text_and_nothing_else(name):
    blocks, inline = parsed(f"| a | b |\n| --- | --- |\n| x {markdown(name)} | y |\n")
    assert sum(token.type == "td_open" for token in blocks) == 2
    assert {token.type for token in inline} <= {"text", "text_special"}
    seen = "".join(token.content for token in inline)
    visible = " ".join(name.replace("\u202e", " ").split())
    assert seen == f"abx {visible}y"


@given(st.text())
def test_any_text_stays_within_its_markdown_cell(name):
    blocks, inline = parsed(f"| a | b |\n| --- | --- |\n| x{markdown(name)}x | y |\n")
    assert sum(token.type == "td_open" for token in blocks) == 2
    assert {token.type for token in inline} <= {"text", "text_special"}


def test_addresses_do_not_become_links_on_github():
    assert "://" not in markdown("https://example.org")
    assert "www." not in markdown("www.example.org")
    assert markdown("vit_tiny_patch16_224") == "vit_tiny_patch16_224"


@given(st.text())
def test_no_spreadsheet_cell_begins_like_a_formula(text):
    assert not spreadsheet(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_infinite_figures_have_a_form():
    assert digits(math.inf) == "inf"
