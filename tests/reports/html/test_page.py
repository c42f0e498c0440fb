"""report.html as text: self-contained, the same each time, small, and honest about what is not there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from reports.figures import SCALING_PLOTS
from reports.html.page import render_html, write_html
from suites.estimate import exact


class Reader(HTMLParser):
    """Collects what a browser would follow, headings, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [found[name] for name in ("src", "href", "action", "data", "srcset") if found.get(name)]
        self.ids += [found["id"]] if "id" in found else []
        self.headings += [int(tag[1])] if re.fullmatch(r"h[1-6]", tag) else []
        assert not any(name.startswith("on") for name in found)

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(params=["scaling_page", "task_page", "merged_page", "hostile_page"])
def text(request):
    return request.getfixturevalue(request.param).read_text(encoding="utf-8")


def test_every_link_stays_in_the_page_and_every_name_is_there_once(text):
    found = Reader(text)
    assert found.links and all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert found.tags.count("script") == 1 and "link" not in found.tags and "iframe" not in found.tags


def test_headings_are_in_order(text):
    levels = Reader(text).headings
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_policy_allows_nothing_from_elsewhere(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src &#39;none&#39;;") and "unsafe" not in policy and "http" not in policy
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script")


def test_the_same_records_give_the_same_bytes(scaling_run, scaling_page, verdicts, figures, tmp_path):
    plots = {SCALING_PLOTS: [figures.line], "Speed-up over devices": [figures.heat]}
    again = write_html(scaling_run.results(), verdicts, plots, tmp_path / "again.html")
    assert again == tmp_path / "again.html"
    assert again.read_bytes() == scaling_page.read_bytes()


def test_it_holds_what_it_promises_in_this_order(scaling_page):
    found = Reader(scaling_page.read_text(encoding="utf-8"))
    sections = [
        "summary",
        "verdicts",
        "findings",
        "scaling",
        "plots-1",
        "figures",
        "models",
        "model-vio-tiny",
        "weak",
        "method",
    ]
    places = [found.ids.index(name) for name in sections]
    assert places == sorted(places)
    words = " ".join("".join(found.words).split())
    assert "34 of 36 cells measured; 1 missing and 1 timeout." in words
    assert "no answer within 300 s" in words and "go on with --resume" in words
    assert "To test it: vio-bench run --suite scaling" in words
    assert "busy_machine: other programs ran" in words and "what it leaves open" in words
    assert "Example CPU @ 2.0 GHz" in words and "torch 2.11.0" in words


def test_a_merged_run_has_a_short_heading_and_its_suites_and_questions_folded(merged_page):
    text = merged_page.read_text(encoding="utf-8")
    assert (
        '<h1 id="question">Merged run of 2 suites</h1>' in text and "<title>vio-bench: Merged run of 2 suites<" in text
    )
    summary = text[text.index('id="summary"') : text.index('id="verdicts"')]
    seen, folded, _ = summary.partition('<details class="runs">')
    assert folded and "How does it grow?" not in seen and "a-suite" not in seen
    assert summary.count("How does it grow?") == 2 and "Who is most accurate?" in summary


def test_links_of_a_card_that_would_read_alike_name_the_machine(merged_page):
    text = merged_page.read_text(encoding="utf-8")
    card = text[text.index('id="claim-both"') :].partition("</article>")[0]
    links = re.findall(r'<a href="#cell-[^"]+">([^<]+)</a>', card)
    assert len(set(links)) == 2 and all(link.startswith("vio_tiny, 224 px, ") for link in links)
    assert sum("Other" in link for link in links) == 1


def test_a_cell_links_to_its_model_and_a_model_to_its_claims(scaling_page, scaling_run):
    text = scaling_page.read_text(encoding="utf-8")
    cell = scaling_run.records[0].identity
    row = text[text.index(f'<tr id="cell-{cell}"') :].partition("</tr>")[0]
    assert 'href="#model-vio-tiny"' in row and "MACs cover 61% of the arithmetic" in row
    page = text[text.index('id="model-vio-tiny"') :].partition('id="model-vit-tiny')[0]
    assert 'href="#claim-faster"' in page and 'href="#claim-exported"' not in page
    assert f'href="#cell-{cell}"' in text


def test_what_was_learnt_is_on_the_page_of_its_model(task_page):
    text = task_page.read_text(encoding="utf-8")
    page = text[text.index('id="model-vio-tiny"') :].partition('id="model-vit-tiny')[0]
    words = " ".join("".join(Reader(page).words).split())
    assert "digits, 32 px, 10 classes" in words and "90.0 %" in words and "1 of 4" in words
    assert 'id="verdicts"' not in text and "logistic regression" in text


def test_projections_never_stand_beside_measurements(made):
    run = made.run()
    projected = exact(0.02, "s", "roofline").model_copy(update={"origin": "projected"})
    run.add(made.cell(), {"latency": made.noisy(0.01, 1), "params": made.count(5e6)})
    run.add(made.cell("resnet10t"), {"latency": projected}, family="resnet")
    text = render_html(run.results(), [], {})
    measured, told, rest = text[text.index('id="figures"') : text.index('id="models"')].partition(
        "Projected, not measured"
    )
    assert told and "projected latency" not in measured and "projected latency" in rest
    assert "20.0 ms" not in measured and "20.0 ms" in rest and "10." not in rest.partition("<tbody>")[2]


def test_one_length_has_no_exponent_and_no_claims_have_no_section(made):
    run = made.run()
    run.add(made.cell(), {"latency": made.noisy(0.01, 1)})
    text = render_html(run.results(), [], {})
    assert "there is no exponent to fit and no curve to draw" in text
    assert 'id="verdicts"' not in text and "Exponents" not in text


def test_an_empty_run_is_a_page_too(made):
    run = made.run()
    run.plan(made.cell())
    assert "0 of 1 cell measured; 1 missing." in render_html(run.results(), [], {})


def test_hostile_names_are_escaped_and_nothing_of_this_machine_is_told(hostile_page, hostile):
    found = Reader(hostile_page.read_text(encoding="utf-8"))
    assert found.tags.count("script") == 1 and "img" not in found.tags
    words = "".join(found.words)
    assert all(words.count(name) > 5 for name in hostile)
    assert str(hostile_page.parent) not in words


def test_a_full_run_stays_under_five_megabytes(made, figures, verdicts):
    run = made.run()
    for model in range(20):
        for size in range(64, 64 + 16 * 16, 16):
            warned = [made.warning("wide_interval", "latency", "interval of ± 16.2 % where ± 2 % was wanted")]
            figure = {"params": made.count(5e6), "macs": made.count(1e9), "latency": made.noisy(0.01, 1)}
            run.add(made.cell(f"model_{model}_patch16_224", size), figure, warnings=warned)
    svg = figures.heat.svg.stat().st_size
    text = render_html(run.results(), verdicts * 20, {f"part {i}": [figures.heat] for i in range(3)})
    assert len(text.encode()) + 40 * max(svg, 60_000) < 5e6
