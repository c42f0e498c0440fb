"""The machines, packages and sessions of a run, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reports.format import digits, figure
from reports.text_tables import TextTable
from suites.fingerprint import Machine, Session


def machine_table(machines: Mapping[str, Machine]) -> TextTable:
    """A column a machine, a row a fact; the packages too where they differ."""
    facts = [_facts(machine) for machine in machines.values()]
    versions = [packages([machine]) for machine in machines.values()]
    if any(own != versions[0] for own in versions):
        facts = [fact | {"packages": ", ".join(own)} for fact, own in zip(facts, versions, strict=True)]
    rows = [[name, *(fact[name] for fact in facts)] for name in (facts[0] if facts else {})]
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


def packages(machines: Iterable[Machine]) -> list[str]:
    """Every package that decides a result, with its version."""
    found = {f"{name} {version}" for machine in machines for name, version in machine.packages.items()}
    return sorted(found, key=str.lower)


def session_table(sessions: Sequence[Session]) -> TextTable:
    """A row a session, in order of time."""
    rows = []
    for session in sessions:
        ended = f"{session.ended:%Y-%m-%d %H:%M}" if session.ended else "not noted"
        load_end = f"{session.load_end:.2f}" if session.load_end is not None else "?"
        clocks = [session.frequency_start_mhz, session.frequency_end_mhz]
        clock = " → ".join(f"{mhz:,.0f}" if mhz else "?" for mhz in clocks)
        times = [f"{session.started:%Y-%m-%d %H:%M}", ended]
        rows.append([session.machine, *times, f"{session.load_start:.2f} → {load_end}", clock])
    return TextTable("", ["machine", "started (UTC)", "ended", "load", "MHz"], rows)
