"""report.html: one file that needs nothing else, made with jinja2, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.accuracy.contests import contests
from reports.accuracy.section import accuracy_sections
from reports.accuracy.summary import accuracy_summary
from reports.answers import answers
from reports.figures import SCALING_PLOTS
from reports.flags import Flags
from reports.format import counted
from reports.html.assets import assets
from reports.html.figures import FigureTables
from reports.html.models import model_pages, page_names
from reports.html.svg import inline_svg
from reports.html.table import from_text
from reports.html.verdicts import card_name, counts, documents
from reports.machine_tables import machine_table, packages, session_table
from reports.method import method
from reports.plots.looks import Plot, slug
from reports.runs import questions, runs_table, title
from reports.scaling import exponents
from reports.summary import summary
from reports.text_tables import BEND, exponent_tables, failures
from suites.plan import Plan
from suites.results import Results

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement


def write_html(
    results: Results,
    judgements: Sequence[Judgement],
    plots: Mapping[str, Sequence[Plot]],
    path: Path,
) -> Path:
    """Write the page to ``path`` and return it.

    ``plots`` by heading, in order: those under ``SCALING_PLOTS`` stand beside the exponents, those under the heading of
    a contest (``reports.accuracy.summary.heading``) beside its tables, all others under their own heading.
    """
    path.write_text(render_html(results, judgements, plots), encoding="utf-8", newline="\n")
    return path


def render_html(results: Results, judgements: Sequence[Judgement], plots: Mapping[str, Sequence[Plot]]) -> str:
    """The page as text: the same records, judgements and figures give the same bytes."""
    group = answers(results)
    flags, growth, among = Flags(group), exponents(group), contests(results, group)
    links = page_names(group)
    tables = FigureTables(group, flags, links)
    measured, *timings = summary(group)
    learnt = accuracy_sections(results, group, flags, {}, results.folder)
    headings = {section.title for section in learnt}
    page = _environment().get_template("report.html.jinja")
    return page.render(
        assets=assets(),
        plan=results.plan,
        title=_heading(results.plan),
        questions=questions(results.plan),
        runs=runs_table(results.plan),
        settings=list(dict.fromkeys(answer.setting for answer in group)),
        torn_bytes=results.torn_bytes,
        measured=measured,
        findings=[*accuracy_summary(among), *timings],
        documents=documents(judgements, group),
        counts=counts(judgements),
        card_name=card_name,
        figure_tables=tables.of_run(group),
        exponent_tables=[from_text(table, flags, links=links) for table in exponent_tables(group, flags)],
        bend=BEND,
        accuracy=learnt,
        links=links,
        plots=plots,
        scaling_plots=plots.get(SCALING_PLOTS, ()),
        other_plots={name: some for name, some in plots.items() if some and name not in {SCALING_PLOTS, *headings}},
        models=model_pages(group, among, growth, judgements, flags, tables),
        flags=flags,
        failures=failures(group),
        method=_as_html(
            method(results.plan, {name for answer in group for name in answer.figures}, learnt=bool(learnt))
        ),
        machines=machine_table(results.environment.machines),
        packages=packages(results.environment.machines.values()),
        sessions=session_table(results.environment.sessions),
    )


def _heading(plan: Plan) -> str:
    """The suite by name; the names of several would be a heading of many lines, and the table of runs has them."""
    names = {suite.name for suite in plan.suites}
    return title(plan) if len(names) == 1 else f"Merged run of {counted(len(names), 'suite')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports", "templates/html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters |= {"from_text": from_text, "inline_svg": _inline, "slug": slug}
    return environment


def _inline(plot: Plot, prefix: str) -> Markup:
    return inline_svg(plot.svg, f"{prefix}-", plot.alt)


def _as_html(text: str) -> Markup:
    """Markdown of report.md, in which whatever comes from outside was escaped, as HTML."""
    from markdown_it import MarkdownIt

    return Markup(MarkdownIt("commonmark", {"html": False}).render(text))
