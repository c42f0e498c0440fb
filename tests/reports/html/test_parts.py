"""What the page is made from: figures of Matplotlib, orders of columns, strips, names to link by."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from reports.html.models import page_names
from reports.html.strips import strips
from reports.html.svg import inline_svg, mixed
from reports.html.table import from_text, magnitude
from reports.html.verdicts import documents
from reports.plots.looks import ON_DARK
from reports.text_tables import TextTable


def ids(text: str) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', text)


def test_a_figure_is_a_well_formed_element_whose_ids_are_its_own(figures):
    first, second = (inline_svg(figures.line.svg, prefix, figures.line.alt) for prefix in ("a-", "b-"))
    root = ElementTree.fromstring(first)
    assert (
        root.tag == "svg" and root.attrib["aria-label"] == 'Grows <b>fast</b> & "far"' and root.attrib["role"] == "img"
    )
    assert not set(ids(first)) & set(ids(second)) and len(ids(first)) == len(set(ids(first)))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', first))
    assert used and used <= set(ids(first))
    assert "style" not in first and "width" not in root.attrib


def test_black_and_white_become_ink_and_paper_and_hues_stay(figures):
    text = inline_svg(figures.line.svg, "a-", "")
    assert "#ffffff" not in text and "#262626" not in text and "#0173b2" in text
    assert 'fill="var(--plot)"' in text and "color-mix(in srgb, var(--ink) 85%, var(--plot))" in text


def test_text_on_a_heat_map_keeps_its_colour(figures):
    root = ElementTree.fromstring(inline_svg(figures.heat.svg, "a-", ""))
    fills = {text.text: text.get("fill") for text in root.iter("text")}
    assert fills["on colour"] == ON_DARK and fills["Speed-up"].startswith("color-mix")


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#FFFFFF", "var(--plot)"),
        ("#000000", "var(--ink)"),
        ("#999999", "color-mix(in srgb, var(--ink) 40%, var(--plot))"),
        ("#0173b2", "#0173b2"),
        ("none", "none"),
    ],
)
def test_greys_are_shares_of_ink(colour, expected):
    assert mixed(colour) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.72 M", 5.72e6),
        ("1.10 s", 1.10),
        ("965 ms ± 4.0 %", 0.965),
        ("480 KiB", 480 * 1024),
        ("1.004 GiB", 1.004 * 2**30),
        ("0.84 (0.65–1.03); local 0.3–1.2", 0.84),
        ("97.8 % (96.1–98.8)", 97.8),
        ("−2.3 (−4.1 to −0.5)", -2.3),
        ("+0.4 (−1.1 to +1.9)", 0.4),
        ("< 0.001", 0.001),
        ("1,600", 1600),
        ("1 of 3", 1),
        ("best", "best"),
        ("–", ""),
        ("", ""),
    ],
)
def test_figures_sort_by_their_size(text, expected):
    assert magnitude(text) == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_marks_are_taken_from_text_only_where_they_stand_for_a_warning(made):
    from reports.answers import answers
    from reports.flags import Flags

    run = made.run()
    run.add(made.cell(), {"macs": made.count(1e9)}, warnings=[made.warning()])
    flags = Flags(answers(run.results()))
    table = from_text(TextTable("", ["model", "MACs"], [["a", "1 G ᵃ"], ["b ᵇ", "2 G ᵃ ᵇ"]]), flags)
    assert [(field.text, len(field.marks)) for row in table.rows for field in row.fields] == [
        ("a", 0), ("1 G", 1), ("b ᵇ", 0), ("2 G ᵃ ᵇ", 0),
    ]  # fmt: skip
    assert table.rows[0].fields[1].marks[0].message.startswith("MACs cover")


def test_strips_stand_on_one_scale_and_are_never_outside(verdicts):
    drawn = strips(verdicts[0])
    dots = [strip.dot for strip in drawn]
    assert dots == sorted(dots) and all(0 <= dot <= 100 for dot in dots)
    assert drawn[0].low is not None and drawn[0].low < drawn[0].dot < drawn[0].high
    assert drawn[2].low is None and drawn[2].verdict == "refuted" and drawn[1].verdict == "inconclusive"
    assert strips(verdicts[1]) == []


def test_cards_link_only_to_cells_of_the_run(verdicts, scaling_run):
    from reports.answers import answers

    group = answers(scaling_run.results())
    first, second = documents(verdicts, group)
    assert [len(card.cells) for card in first.cards] == [2, 12] and second.cards[1].cells == []
    assert first.counts == [("supported", 1), ("refuted", 1)]
    assert documents(verdicts, group[:1])[0].cards[1].cells == first.cards[1].cells[:1]


def test_models_with_like_names_have_pages_of_their_own(made):
    from reports.answers import answers

    run = made.run()
    for name in ("a/b", "a.b", "", "<>"):
        run.add(made.cell(name), {"params": made.count(1)})
    names = page_names(answers(run.results()))
    assert len(set(names.values())) == 4
