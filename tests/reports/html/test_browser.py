"""The page in a real Chromium: it works by mouse and by keyboard, in light and dark, and asks nobody for anything."""

from __future__ import annotations

import re

import pytest

FIGURES = "#figures-1"
PAGES = ("scaling_page", "merged_page", "hostile_page")
UNFOLD = "for (const folded of document.querySelectorAll('details')) folded.open = true"


@pytest.fixture(params=PAGES)
def any_page(request):
    return request.getfixturevalue(request.param)


def column(page, name: str, table: str = FIGURES) -> list[str]:
    """What a column shows, top to bottom."""
    heads = [text.strip() for text in page.locator(f"{table} thead th").all_inner_texts()]
    index = next(i for i, head in enumerate(heads) if head.split("\n")[0].strip() == name)
    return page.locator(f"{table} tbody tr > :nth-child({index + 1})").all_inner_texts()


def head(page, name: str, table: str = FIGURES):
    return page.locator(f"{table} thead th", has=page.get_by_text(name, exact=True))


def wait_until_sorted(page, name: str, way: str) -> None:
    """DataTables sorts a moment after the key or the click."""
    page.locator(f"{FIGURES} thead th[aria-sort={way}]", has=page.get_by_text(name, exact=True)).wait_for()


def seconds(text: str) -> float:
    number, unit = re.match(r"([\d.]+) (s|ms|µs)", text).groups()
    return float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6}[unit]


def test_nothing_is_fetched_logged_or_wider_than_the_window(any_page, look):
    tab = look(any_page)
    tab.page.evaluate(UNFOLD)
    for width in (1440, 390):
        look(any_page, width, dark=width == 390)
        wide = tab.page.evaluate(
            """() => [...document.querySelectorAll("body *")]
               .filter(e => !e.closest(".scroll, .unseen, .sprite, [popover]")
               && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 120))"""
        )
        assert wide == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.page.locator(".theme").bounding_box()["height"] < 40  # each word on one line
    assert tab.told == []


def test_on_a_narrow_screen_the_legend_is_below_its_figure(scaling_page, look):
    page = look(scaling_page, 390).page
    page.reload()
    figure = page.locator("#scaling .plot")
    legend, drawing = figure.locator(".legend").bounding_box(), figure.locator(".scroll").bounding_box()
    assert legend["y"] >= drawing["y"] + drawing["height"] and legend["x"] + legend["width"] <= 390
    assert figure.locator(".title").inner_text() == "Latency"
    narrow = figure.locator(".scroll svg").get_attribute("viewBox").split()
    look(scaling_page)
    whole = figure.locator(".scroll svg").get_attribute("viewBox").split()
    assert float(narrow[2]) < 0.95 * float(whole[2]) and whole[:2] == ["0", "0"]
    assert not figure.locator(".legend").is_visible() and not figure.locator(".title").is_visible()


def test_what_does_not_fit_says_that_it_scrolls(scaling_page, look):
    said = "e => getComputedStyle(e, '::before').content"
    shown = [look(scaling_page, width).page.locator("#plots-1 figcaption").evaluate(said) for width in (390, 1440)]
    assert "scrolls sideways" in shown[0] and shown[1] == "none"


def test_a_click_sorts_by_the_figure_and_not_by_its_text(scaling_page, look):
    page = look(scaling_page).page
    for way in ("ascending", "descending"):
        head(page, "latency").click()
        wait_until_sorted(page, "latency", way)
        shown = column(page, "latency")
        times = [seconds(text) for text in shown[:34]]
        assert times == sorted(times, reverse=way == "descending")
        assert all(text[0] == "–" for text in shown[34:])  # what has no figure is last either way


def test_the_keyboard_sorts_and_filters(scaling_page, look):
    page = look(scaling_page).page
    page.locator(FIGURES).get_by_role("button", name="MACs: Activate to sort").focus()
    page.keyboard.press("Enter")
    wait_until_sorted(page, "MACs", "ascending")
    assert column(page, "series")[0].strip() == "efficientvim_m1"

    page.locator(f"[data-filters={FIGURES[1:]}]").focus()
    page.keyboard.insert_text("vio_tiny 1024")
    assert [text.strip() for text in column(page, "series")] == ["vio_tiny"]
    assert page.locator(f"[data-counts={FIGURES[1:]}]").inner_text() == "1 of 36 rows"
    page.keyboard.insert_text(" nothing")
    assert "No row holds" in page.locator(FIGURES).inner_text()


def test_verdicts_are_chosen_by_arrow_keys(scaling_page, look):
    page = look(scaling_page).page
    shown = page.locator(".card:visible")
    assert shown.count() == 3  # what is untested is folded away
    page.locator("#show-all").focus()
    page.keyboard.press("ArrowRight")
    assert [card.get_attribute("id") for card in shown.all()] == ["claim-faster"]
    assert page.locator(".document:visible").count() == 1
    page.locator("label", has=page.locator("#show-untested")).click()
    assert [card.get_attribute("id") for card in shown.all()] == ["claim-exported"]
    assert "vio-bench run --suite scaling" in shown.inner_text()


def test_a_card_leads_to_its_cells_though_a_filter_hides_them(scaling_page, look):
    page = look(scaling_page).page
    page.locator(f"[data-filters={FIGURES[1:]}]").fill("resnet10t")
    link = page.locator("#claim-faster .cells a").first
    row = page.locator(link.get_attribute("href"))
    assert row.count() == 0
    link.click()
    assert row.locator("th").inner_text().strip() == "vio_tiny" and "128 px" in row.inner_text()
    box = row.bounding_box()
    assert box is not None and 0 <= box["y"] < 900


def test_a_warning_opens_where_the_figure_is(scaling_page, look):
    page = look(scaling_page).page
    mark = page.locator(f"{FIGURES} .mark").first
    assert "MACs cover 61% of the arithmetic" in (mark.get_attribute("aria-label") or "")
    mark.focus()
    page.keyboard.press("Enter")
    note = page.locator(".note:popover-open")
    assert "macs_gap" in note.inner_text() and "don't rank by it" in note.inner_text()
    near, at = note.bounding_box(), mark.bounding_box()
    assert near and at and abs(near["y"] - at["y"]) < 250
    page.keyboard.press("Escape")
    assert page.locator(".note:popover-open").count() == 0


LIGHTNESS = """(selector) => {
  const style = getComputedStyle(document.querySelector(selector));
  const paint = (colour) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[1] / 255;
  };
  return [paint(style.backgroundColor), paint(style.color), paint(style.fill)];
}"""


def test_dark_mode_follows_the_system_and_the_choice(scaling_page, look):
    page = look(scaling_page, dark=True).page
    page.evaluate("[...document.querySelectorAll('text')].find(t => t.textContent === 'on colour').id = 'on-colour'")
    paper, ink, _ = page.evaluate(LIGHTNESS, "body")
    assert paper < 0.2 and ink > 0.8
    assert page.evaluate(LIGHTNESS, "#scaling svg text")[2] > 0.7  # black in the file
    assert page.evaluate(LIGHTNESS, "#plots-1 #on-colour")[2] > 0.98  # light on a dark cell stays light
    page.locator("#theme-auto").focus()
    page.keyboard.press("ArrowRight")
    paper, ink, _ = page.evaluate(LIGHTNESS, "body")
    assert paper > 0.8 and ink < 0.2
    assert page.evaluate(LIGHTNESS, "#scaling svg text")[2] < 0.3


def test_the_skip_link_is_first_and_leads_to_the_content(merged_page, show):
    page = show(merged_page).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_what_scrolls_can_be_reached_by_keyboard_and_only_that(scaling_page, look):
    page = look(scaling_page, 390).page
    found = page.evaluate(
        """[...document.querySelectorAll(".scroll")].map(e => [e.scrollWidth > e.clientWidth
           || e.scrollHeight > e.clientHeight, e.tabIndex === 0])"""
    )
    assert [True, True] in found
    assert all(scrolls == reached for scrolls, reached in found)


def test_print_shows_all_rows_and_no_controls(scaling_page, look):
    page = look(scaling_page, dark=True, media="print").page
    assert page.evaluate(LIGHTNESS, "body")[1] < 0.2
    assert page.locator("nav:visible, .theme:visible, .filter:visible, .choose:visible").count() == 0
    assert page.evaluate("document.querySelector('#figures .scroll').scrollHeight") == page.evaluate(
        "document.querySelector('#figures .scroll').clientHeight"
    )


def test_hostile_names_are_only_text(hostile_page, hostile, look):
    tab = look(hostile_page)
    texts = [text.strip() for text in tab.page.locator(f"{FIGURES} tbody th").all_text_contents()]
    assert texts[::2] == list(hostile)
    assert tab.page.locator("main img, main iframe, main script").count() == 0
    assert tab.told == []


@pytest.mark.parametrize(("path", "width"), [("scaling_page", 1440), ("merged_page", 390)])
def test_axe_finds_nothing_serious(path, request, look, axe, width):
    page = look(request.getfixturevalue(path)).page
    page.evaluate(UNFOLD)
    look(request.getfixturevalue(path), width, dark=width == 390)
    page.evaluate(axe)
    # rows and models that are like those before are left out
    alike = [[".model ~ .model"], ["tr:nth-child(n+7):not(:has(.bad))"]]
    found = page.evaluate("exclude => axe.run({exclude}, {resultTypes: ['violations']})", alike)
    assert len(found["passes"]) > 20
    grave = [
        (violation["id"], violation["nodes"][0]["html"][:200], violation["nodes"][0]["failureSummary"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_a_link_to_a_folded_claim_unfolds_it(scaling_page, look):
    page = look(scaling_page).page
    card = page.locator("#claim-exported")
    assert not card.is_visible()
    page.evaluate("location.hash = 'claim-exported'")
    card.wait_for(state="visible")
