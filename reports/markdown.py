"""report.md: what a run found, as GitHub shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from reports.accuracy import contests
from reports.accuracy_section import accuracy_sections, recipe_in_words
from reports.accuracy_summary import accuracy_summary
from reports.answers import answers
from reports.flags import Flags
from reports.format import digits, figure, markdown
from reports.looks import Plot
from reports.scaling import lines
from reports.summary import summary
from reports.text_tables import BEND, TextTable, exponent_tables, failures, workload_tables
from suites.fingerprint import Machine, Session
from suites.results import Results
from suites.task_axes import TaskAxes


def write_markdown(
    results: Results, plots: Sequence[Plot], accuracy_plots: Mapping[str, Sequence[Plot]], path: Path
) -> Path:
    """Write the report to ``path``; ``plots``, and ``accuracy_plots`` by contest, are linked relative to its folder."""
    path.write_text(render(results, plots, accuracy_plots, path.parent), encoding="utf-8", newline="\n")
    return path


def render(results: Results, plots: Sequence[Plot], accuracy_plots: Mapping[str, Sequence[Plot]], folder: Path) -> str:
    """The report as Markdown. Every name and message that comes from outside is escaped by the template's finalizer."""
    group = answers(results)
    flags = Flags(group)
    axes = results.plan.suite.workload
    counts, *timings = summary(group)
    text = _template().render(
        plan=results.plan,
        suite=results.plan.suite,
        torn_bytes=results.torn_bytes,
        summary=[counts, *accuracy_summary(contests(results, group)), *timings],
        accuracy=accuracy_sections(results, group, flags, accuracy_plots, folder),
        recipe=recipe_in_words(axes.recipe) if isinstance(axes, TaskAxes) else "",
        plots=[(plot, plot.svg.relative_to(folder).as_posix()) for plot in plots],
        settings=list(dict.fromkeys(answer.setting for answer in group)),
        several_lengths=any(
            len({answer.cell.workload.tokens for answer in line}) > 1 for line in lines(group).values()
        ),
        metrics={name for answer in group for name in answer.figures},
        exponent_tables=exponent_tables(group),
        workload_tables=workload_tables(group, flags),
        flags=list(flags),
        failures=failures(group),
        machines=_machines(results.environment.machines),
        packages=_packages(results.environment.machines.values()),
        sessions=_sessions(results.environment.sessions),
        bend=BEND,
    )
    return text.rstrip() + "\n"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reports"),
        finalize=markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown is escaped by finalize, HTML in it included
    )
    return environment.get_template("report.md.jinja")


def _machines(machines: dict[str, Machine]) -> TextTable:
    facts: list[dict[str, Any]] = [_facts(machine) for machine in machines.values()]
    rows = [[name, *(str(fact[name]) for fact in facts)] for name in (facts[0] if facts else {})]
    return TextTable("", ["machine", *machines], rows)


def _facts(machine: Machine) -> dict[str, str]:
    quota = f", quota {digits(machine.cgroup_cpus)} CPUs" if machine.cgroup_cpus else ""
    limit = f", limit {figure(machine.cgroup_memory_bytes, 'B')}" if machine.cgroup_memory_bytes else ""
    clock = f"{machine.frequency_max_mhz:,.0f} MHz at most" if machine.frequency_max_mhz else "clock not shown"
    return {
        "CPU": f"{machine.cpu} ({machine.architecture})",
        "cores": f"{machine.cores} cores, {machine.logical_cpus} logical, {len(machine.affinity)} usable{quota}",
        "frequency": f"{clock}, governor {machine.governor or 'not shown'}",
        "memory": f"{figure(machine.ram_bytes, 'B')}{limit}",
        "accelerators": "; ".join(f"{gpu.name}, driver {gpu.driver}" for gpu in machine.gpus) or "none",
        "system": f"{machine.os}, {machine.libc}",
        "Python": machine.python,
        "vio-bench commit": machine.commit or "none (not run from a checkout)",
    }


def _packages(machines: Iterable[Machine]) -> list[str]:
    found = {f"{name} {version}" for machine in machines for name, version in machine.packages.items()}
    return sorted(found, key=str.lower)


def _sessions(sessions: Sequence[Session]) -> TextTable:
    rows = []
    for session in sessions:
        ended = f"{session.ended:%Y-%m-%d %H:%M}" if session.ended else "not noted"
        load_end = f"{session.load_end:.2f}" if session.load_end is not None else "?"
        clocks = [session.frequency_start_mhz, session.frequency_end_mhz]
        clock = " → ".join(f"{mhz:,.0f}" if mhz else "?" for mhz in clocks)
        times = [f"{session.started:%Y-%m-%d %H:%M}", ended]
        rows.append([session.machine, *times, f"{session.load_start:.2f} → {load_end}", clock])
    return TextTable("", ["machine", "started (UTC)", "ended", "load", "MHz"], rows)
