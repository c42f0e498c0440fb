"""Several runs as one: of several machines, of several suites, or of the same suite again.

Nothing is averaged and nothing altered: records stay as they were taken, with their run and the fingerprint of their
machine, and whatever reads results keeps machines apart. The order in which runs are named changes nothing, and what
was merged can be merged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from baselines.errors import UsageError
from reports.merging.conflicts import check_agreement
from suites.fingerprint import Environment, Machine, Session
from suites.plan import Part, Plan, PlannedCell
from suites.record import Record
from suites.results import TRAINING, Results
from suites.task_axes import TaskCard


def merged(several: Sequence[Results]) -> Results:
    """One result of several, in memory; its folder is one of theirs, and nothing should be written there.

    Raises ``UsageError`` naming cell, folders and figures where two of them disagree on a cell of one machine, and
    where they disagree on the data of a task or on what a run is.
    """
    if not several:
        raise UsageError("nothing to merge; name the folders of runs")
    several = sorted(several, key=lambda results: (results.plan.created, results.plan.run, str(results.folder)))
    parts = _parts(several)
    records = _records(several, parts)
    plan = Plan(
        run=_name(parts, records),
        created=max(part.created for part in parts),
        suite=parts[0].suite,
        cells=_cells(several, parts),
        tasks=_tasks(several),
        merged=parts,
    )
    torn = sum(results.torn_bytes for results in several)
    trained = {part.run: _trained(several, part.run) for part in parts}
    found = Results(several[0].folder, plan, records, _environment(several), torn, trained)
    check_agreement(found.attempts(), lambda record: next(r.folder for r in several if record in r.records))
    return found


def _parts(several: Sequence[Results]) -> list[Part]:
    """Every run once, in order of time."""
    parts: dict[str, tuple[Part, Path]] = {}
    for results in several:
        for part in results.plan.merged or [_part(results)]:
            known, folder = parts.setdefault(part.run, (part, results.folder))
            if (known.created, known.suite, known.cells) != (part.created, part.suite, part.cells):
                raise UsageError(f"{folder} and {results.folder} both hold run {part.run}, with different plans")
            longer, other = sorted([known.machines, part.machines], key=lambda ids: (-len(ids), ids))
            machines = list(dict.fromkeys([*longer, *other]))
            parts[part.run] = part.model_copy(update={"machines": machines}), folder
    return sorted((part for part, _ in parts.values()), key=lambda part: (part.created, part.run))


def _part(results: Results) -> Part:
    """A run of its own as a part."""
    plan = results.plan
    strange = next((record.run for record in results.records if record.run != plan.run), None)
    if strange is not None:
        raise UsageError(f"{results.folder} is run {plan.run} and has a record of run {strange}; was it altered?")
    machines = list(dict.fromkeys(session.machine for session in results.environment.sessions))
    cells = [planned.identity for planned in plan.cells]
    try:
        return Part(run=plan.run, created=plan.created, suite=plan.suite, cells=cells, machines=machines)
    except ValidationError as error:
        raise UsageError(f"{results.folder}: {plan.run!r} can't be the id of a run; was plan.json altered?") from error


def _records(several: Sequence[Results], parts: Sequence[Part]) -> list[Record]:
    """Every record once, in the order of runs, attempts and time."""
    rank = {part.run: number for number, part in enumerate(parts)}
    written = {record.model_dump_json(): record for results in several for record in results.records}
    ordered = sorted(written.items(), key=lambda pair: (rank[pair[1].run], pair[1].attempt, pair[1].ended, pair[0]))
    return [record for _, record in ordered]


def _name(parts: Sequence[Part], records: Sequence[Record]) -> str:
    """The same for the same content, whatever it was merged from."""
    content = "\n".join(
        [*(part.model_dump_json() for part in parts), *(record.model_dump_json() for record in records)]
    )
    suites = dict.fromkeys(part.suite.name for part in parts)
    digest = hashlib.sha256(content.encode()).hexdigest()[:4]
    return f"merged-{'-'.join(suites)[:60].rstrip('-')}-{max(p.created for p in parts):%Y%m%dT%H%M%SZ}-{digest}"


def _cells(several: Sequence[Results], parts: Sequence[Part]) -> list[PlannedCell]:
    """Every cell once, in the order of runs. Where catalogues differ in its family or class, one that names a class."""
    known: dict[str, PlannedCell] = {}
    for planned in (planned for results in several for planned in results.plan.cells):
        known[planned.identity] = min(known.get(planned.identity, planned), planned, key=_classed)
    return [known[identity] for identity in dict.fromkeys(i for part in parts for i in part.cells)]


def _classed(planned: PlannedCell) -> tuple[bool, str, str]:
    return planned.size_class is None, planned.size_class or "", planned.family


def _tasks(several: Sequence[Results]) -> list[TaskCard]:
    """The card of each task and size."""
    cards: dict[tuple[str, int], tuple[TaskCard, Path]] = {}
    for results in several:
        for card in results.plan.tasks:
            known, folder = cards.setdefault((card.task, card.input_size), (card, results.folder))
            unsaid = {"shortcut"} if None in (known.shortcut, card.shortcut) else set()  # by an older plan
            fields = [name for name in TaskCard.model_fields if name not in unsaid]
            differing = [name for name in fields if getattr(known, name) != getattr(card, name)]
            if differing:
                first, second = (str(getattr(own, differing[0]))[:80] for own in (known, card))
                raise UsageError(
                    f"{folder} and {results.folder} differ in the data of task {card.task} at {card.input_size}: "
                    f"{differing[0]} is {first} and {second}; run both on the same data, or merge without one of them"
                )
            if known.shortcut is None:
                cards[card.task, card.input_size] = card, results.folder
    return [card for _, (card, _) in sorted(cards.items())]


def _environment(several: Sequence[Results]) -> Environment:
    """Machines and sessions, each once, in order of time."""
    machines: dict[str, Machine] = {}
    sessions: dict[tuple[str, str], Session] = {}
    for results in several:
        for name, machine in results.environment.machines.items():
            known = machines.setdefault(name, machine)  # two reads of one machine differ in a GPU's clock
            machines[name] = min(known, machine, key=lambda own: own.model_dump_json())
        for session in results.environment.sessions:
            key = session.started.isoformat(), session.machine
            if key not in sessions or sessions[key].ended is None:
                sessions[key] = session
    ordered = [sessions[key] for key in sorted(sessions)]
    used = dict.fromkeys([*(session.machine for session in ordered if session.machine in machines), *sorted(machines)])
    return Environment(machines={name: machines[name] for name in used}, sessions=ordered)


def _trained(several: Sequence[Results], run: str) -> Path:
    """What the cells of a run kept: of several copies of the run, with the one that went furthest."""
    copies = [
        results for results in several if run in {part.run for part in results.plan.merged} or results.plan.run == run
    ]
    folders = {results.trained.get(run, results.folder / TRAINING): _length(results, run) for results in copies}
    return max(folders, key=lambda folder: (folder.is_dir(), folders[folder]))


def _length(results: Results, run: str) -> int:
    return sum(record.run == run for record in results.records)
