"""How a run was measured, in the words of `templates/method.md.jinja`; of merged runs, what differs between suites."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.accuracy.section import recipe_in_words
from reports.format import listed, markdown, one_line
from suites.plan import Plan
from suites.protocol import Protocol
from suites.suite import Suite
from suites.task_axes import TaskAxes


@dataclass(frozen=True)
class Input:
    """What the models of some suites were fed with."""

    where: str
    """The suites' names; empty where it is so everywhere."""
    suite: Suite
    """One of them."""
    recipe: str
    """How they train, in words; empty where they don't."""


class Verbatim(str):
    """Text that is Markdown already."""


def method(plan: Plan, metrics: Iterable[str], *, learnt: bool) -> Verbatim:
    """The method as Markdown, a bullet a point: what every figure in ``metrics`` is and how it was come by."""
    suites = plan.suites
    text = environment().get_template("method.md.jinja")
    inputs = [Input(where, own[0], _recipe(own[0])) for where, own in _alike(suites, _fed_with)]
    protocols = [(where, own[0].protocol) for where, own in _alike(suites, _timed_by)]
    return Verbatim(text.render(inputs=inputs, protocols=protocols, metrics=set(metrics), accuracy=learnt).strip())


@cache
def environment() -> Environment:
    """Templates of Markdown: every name and message that comes from outside is escaped by the finalizer."""
    made = Environment(
        loader=PackageLoader("reports"),
        finalize=lambda value: value if isinstance(value, Verbatim) else markdown(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown is escaped by finalize, HTML in it included
    )
    made.filters |= {"verbatim": Verbatim, "plain_html": lambda text: Verbatim(html.escape(one_line(text)))}
    return made


def _alike(suites: Sequence[Suite], facts: Callable[[Suite], Any]) -> list[tuple[str, list[Suite]]]:
    """Suites with the same facts, and the names to say before them."""
    grouped: dict[str, list[Suite]] = {}
    for suite in suites:
        grouped.setdefault(repr(facts(suite)), []).append(suite)
    if len(grouped) == 1:
        return [("", list(suites))]
    return [(listed(list(dict.fromkeys(suite.name for suite in own))), own) for own in grouped.values()]


def _fed_with(suite: Suite) -> tuple[object, ...]:
    axes = suite.workload
    if isinstance(axes, TaskAxes):
        return axes.kind, axes.batch, axes.layout, axes.recipe, suite.precision
    return (suite.precision, *(value for name, value in axes if name not in ("image_size", "length", "batch", "mode")))


def _timed_by(suite: Suite) -> Protocol:
    return suite.protocol


def _recipe(suite: Suite) -> str:
    return recipe_in_words(suite.workload.recipe) if isinstance(suite.workload, TaskAxes) else ""
