"""Pages made from made-up results, and one Chromium for all tests; without it they are skipped, but never in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from reports.accuracy.contests import contests
from reports.accuracy.summary import heading
from reports.answers import answers
from reports.claims.claim import Claim
from reports.claims.finding import Part
from reports.claims.judgement import Judgement
from reports.claims.outcome import Outcome
from reports.figures import SCALING_PLOTS
from reports.html.page import write_html
from reports.merging.merge import merged
from reports.plots.looks import ON_DARK, Plot, write_figure
from suites.fingerprint import Environment
from suites.results import Results

WIDE = 1440
LONG = "a_very_long_name_" * 30
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://localhost:9/","x")',
    "</table></style><img src=x onerror=alert(1)>",
    LONG,
)


@pytest.fixture(scope="session")
def hostile() -> tuple[str, ...]:
    """Names that try to be something else."""
    return HOSTILE


def judged(identity: str, verdict: str, document: str = "overview", **changes: Any) -> Judgement:
    told = {"sentence": f"Claim {identity} holds.", "kind": "ratio", "command": "vio-bench run --suite scaling"}
    told |= {name: changes.pop(name) for name in ("sentence", "note", "place", "command") if name in changes}
    claim = Claim(id=identity, document=document, title=f"The {document}", **told)
    facts: dict[str, Any] = {"why": "holds in all 2 comparisons", "effect": "0.47 (0.38–0.58) of the time"}
    return Judgement(claim, verdict, **(facts | changes))  # type: ignore[arg-type]


def compared(value: float, low: float | None, high: float | None, effect: float) -> Part:
    return Part(f"{value:g} px", f"{value:g}", Outcome(value, low, high, effect, 0.05, 0.01), (), 3)


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A line with black text on white, and a heat map with light text on its darkest cell."""
    folder = tmp_path_factory.mktemp("figures")

    def lines(axes: Any) -> None:
        axes.plot([1, 2, 3], [1, 4, 9], color="#0173b2", marker="o", markeredgecolor="white", label="vio_tiny")
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))

    def heat(axes: Any) -> None:
        axes.pcolormesh(numpy.array([[0.0, 1.0], [2.0, 3.0]]), cmap="viridis")
        axes.text(0.5, 0.5, "on colour", color=ON_DARK)

    alt = 'Grows <b>fast</b> & "far"'
    return SimpleNamespace(
        line=write_figure(folder / "line", "Latency", alt, lines),
        heat=write_figure(folder / "heat", "Speed-up", "A heat map", heat),
    )


@pytest.fixture(scope="session")
def verdicts(scaling_run: Any) -> list[Judgement]:
    """Each verdict once or twice, in two documents, resting on cells of the scaling run."""
    cells = [record.identity for record in scaling_run.records]
    parts = (compared(0.47, 0.38, 0.58, 0.7), compared(0.98, 0.7, 1.2, 0.02), compared(1.5, None, None, -0.4))
    return [
        judged("faster", "supported", cells=tuple(cells[:2]), p_holm=0.004, n=12, counted="cells", parts=parts),
        judged("smaller", "refuted", cells=tuple(cells[:12]), warnings=("busy_machine: other programs ran",)),
        judged("better", "inconclusive", "phase", cells=(cells[-1],), note="what it leaves open"),
        judged("exported", "untested", "phase", effect="", why="no cell was exported"),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def scaling_page(scaling_run: Any, verdicts: list[Judgement], figures: SimpleNamespace, tmp_path_factory: Any) -> Path:
    plots = {SCALING_PLOTS: [figures.line], "Speed-up over devices": [figures.heat]}
    return write_html(scaling_run.results(), verdicts, plots, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def task_page(task_run: Any, figures: SimpleNamespace, tmp_path_factory: Any) -> Path:
    folder = task_run.save(tmp_path_factory.mktemp("task_page") / "run")
    results = task_run.results(folder)
    return write_html(results, [], _for_contests(results, figures.line), folder / "report.html")


@pytest.fixture(scope="session")
def merged_results(made: Any, task_run: Any, tmp_path_factory: Any) -> Results:
    """Three runs: of a cell on two machines, and of a task."""
    run = made.run("a-suite-whose-name-takes-much-room")
    run.add(made.cell("vio_tiny"), {"params": made.count(5e6), "latency": made.noisy(0.01, 1)}, family="vio")
    here, there = run.results(), run.results()
    (machine,) = here.environment.machines.values()
    other = machine.model_copy(update={"cpu": "Other CPU"})
    there = replace(
        there,
        plan=there.plan.model_copy(update={"run": "there"}),
        records=[r.model_copy(update={"run": "there", "fingerprint": other.id}) for r in there.records],
        environment=Environment(
            machines={other.id: other},
            sessions=[s.model_copy(update={"machine": other.id}) for s in there.environment.sessions],
        ),
    )
    folder = task_run.save(tmp_path_factory.mktemp("merged") / "task")
    task = task_run.results(folder)
    task = replace(
        task,
        plan=task.plan.model_copy(update={"run": "task"}),
        records=[r.model_copy(update={"run": "task"}) for r in task.records],
    )
    return merged([here, there, task])


@pytest.fixture(scope="session")
def merged_page(merged_results: Results, figures: SimpleNamespace, tmp_path_factory: Any) -> Path:
    keys = tuple(answer.key for answer in answers(merged_results))
    told = [judged("both", "supported", cells=keys[:2]), judged("gone", "untested", effect="", why="nothing ran")]
    plots = {SCALING_PLOTS: [figures.line], **_for_contests(merged_results, figures.heat)}
    return write_html(merged_results, told, plots, tmp_path_factory.mktemp("merged_page") / "report.html")


def _for_contests(results: Any, plot: Plot) -> dict[str, list[Plot]]:
    among = contests(results, answers(results))
    return {heading(contest, among): [plot] for contest in among}


@pytest.fixture(scope="session")
def hostile_page(made: Any, figures: SimpleNamespace, tmp_path_factory: Any) -> Path:
    """Everything that comes from outside tries to be something else."""
    run = made.run(name="hostile", question=f"Why {HOSTILE[0]}?")
    for name in HOSTILE:
        warned = made.warning(kind="macs_gap", metric="latency", message=f"{name} & more")
        estimates = {"params": made.count(5e6), "latency": made.noisy(0.01, 1)}
        run.add(made.cell(name, config={"width": HOSTILE[2]}), estimates, family=name, warnings=[warned])
        run.add(made.cell(name, 448), family=name, status="error", reason=f"RuntimeError: {name}")
    told = [
        judged(
            f"c{i}", verdict, f"d{i}", sentence=name, why=name, effect=name, note=name, warnings=(name,), command=name
        )
        for i, (verdict, name) in enumerate(
            zip(("supported", "refuted", "untested", "inconclusive"), HOSTILE, strict=True)
        )
    ]
    plots = {HOSTILE[2]: [Plot(HOSTILE[0], f'"> {HOSTILE[0]}', figures.line.svg, figures.line.png)]}
    return write_html(run.results(), told, plots, tmp_path_factory.mktemp("hostile") / "report.html")


def missing(what: str) -> None:
    """Skip, with the reason; in CI nothing is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; .ci/run is to install it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the dev extra has")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("no chromium on PATH")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = os.environ.get("VIO_BENCH_AXE", "")
    if not path:
        missing("VIO_BENCH_AXE does not name axe.min.js of the npm package axe-core")
    return Path(path).read_text(encoding="utf-8")


class Tab:
    """A page that is open, and what it did beside showing itself."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.told: list[str] = []
        """What was logged, raised or fetched, and dialogs that it opened."""
        page.on("console", lambda message: self.told.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.told.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.route("**/*", self._route)

    def _dialog(self, dialog: Any) -> None:
        self.told.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _route(self, route: Any) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.told.append(f"request: {route.request.url[:200]}")
            route.abort()


@pytest.fixture(scope="session")
def window(browser: Any) -> Any:
    """One window for all tabs."""
    return browser.new_context(viewport={"width": WIDE, "height": 900}, color_scheme="light")


@pytest.fixture
def show(window: Any) -> Iterator[Any]:
    """Opens a file in a tab of its own, for a test of what a page does at first: ``show(path)``."""
    tabs = []

    def opened(path: Path) -> Tab:
        tabs.append(Tab(window.new_page()))
        tabs[-1].page.goto(path.as_uri())
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.page.close()


@pytest.fixture(scope="session")
def kept(window: Any) -> dict[Path, Tab]:
    """Tabs that stay open, by file."""
    return {}


RESET = """() => {
  history.replaceState(null, "", " ");
  for (const input of document.querySelectorAll("[data-filters]")) {
    if (!input.value) continue;
    input.value = "";
    input.dispatchEvent(new Event("input"));
  }
  for (const folded of document.querySelectorAll("details")) folded.open = false;
  for (const first of document.querySelectorAll("#theme-auto, #show-all")) first.checked = true;
  for (const open of document.querySelectorAll(":popover-open")) open.hidePopover();
}"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture
def look(window: Any, kept: dict[Path, Tab]) -> Any:
    """A file in a tab that all tests share, in the state it had at first but for the order of its tables:
    ``look(path, width=390, dark=True)``. A second call within a test changes only these."""
    seen: set[Path] = set()

    def opened(path: Path, width: int = WIDE, *, dark: bool = False, media: str = "screen") -> Tab:
        if path not in kept:
            kept[path] = Tab(window.new_page())
            kept[path].page.goto(path.as_uri())
        page = kept[path].page
        if path not in seen:
            page.bring_to_front()  # a tab behind others is not drawn
            page.evaluate(RESET)
            seen.add(path)
        page.emulate_media(media=media, color_scheme="dark" if dark else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(DRAWN)
        return kept[path]

    return opened
