"""From a suite and the command's options to a plan: every cell, checked before anything runs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from baselines import catalogue
from baselines.catalogue import Head, ModelEntry
from baselines.errors import UsageError
from baselines.registry import Registry
from bench.devices import DEVICES
from bench.job import PASSES, Pass
from bench.plan_tasks import TrainingOptions, check_metrics, check_recipe, check_tasks, with_options
from bench.probes import PROBES
from bench.runtimes import RUNTIMES
from suites.cell import Cell, identity
from suites.plan import Plan, PlannedCell
from suites.schema import now
from suites.suite import Suite
from suites.suite_file import SuiteFile
from suites.task_axes import TaskAxes, card
from suites.task_workload import TaskWorkload
from suites.workload import Workload
from suites.yaml_marks import Location

MOST_THREADS = 2


@dataclass(frozen=True)
class Options:
    """What the command line says instead of the suite; None leaves the suite's own."""

    models: tuple[str, ...] = ()
    device: str | None = None
    precision: str | None = None
    threads: int | None = None
    training: TrainingOptions = field(default_factory=TrainingOptions)


def make_plan(file: SuiteFile, options: Options) -> Plan:
    """Every cell of a suite, with the options applied. Raises ``UsageError`` that points at the unknown name."""
    suite, changed = _apply(file.suite, options)

    def where(location: Location) -> str:
        return "" if location[0] in changed else f"{file.where(location)}: "

    _check_names(suite.metrics, "metrics", PROBES, where)
    _check_names(suite.device, "device", DEVICES, where)
    _check_names(suite.runtime, "runtime", RUNTIMES, where)
    check_metrics(suite, where)
    if isinstance(suite.workload, TaskAxes):
        check_tasks(suite.workload, where, download=options.training.download)
    workloads: list[Workload] = list(suite.workload.workloads())
    entries = [_find(name, workloads[0], where(("models", index))) for index, name in enumerate(suite.model_names())]
    created = now()
    run = f"{suite.name}-{created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    tasks = []
    for workload in workloads:
        if isinstance(workload, TaskWorkload):
            check_recipe(workload, suite.device, where)
            tasks.append(card(workload))
    return Plan(run=run, created=created, suite=suite, cells=_cells(suite, workloads, entries), tasks=tasks)


def metrics_by_pass(metrics: Iterable[str]) -> dict[Pass, tuple[str, ...]]:
    """The metrics grouped by the pass they are read in, in the order of the registry."""
    grouped: dict[Pass, tuple[str, ...]] = {}
    ordered = [metric for metric in PROBES if metric in set(metrics)]
    for name in PASSES:
        of_pass = tuple(metric for metric in ordered if PROBES.load(metric).run_in == name)
        if of_pass:
            grouped[name] = of_pass
    return grouped


def default_threads() -> int:
    """Two, or one where only one CPU may be used."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _apply(suite: Suite, options: Options) -> tuple[Suite, set[str]]:
    """The suite with the options in place, and which of its keys they replaced."""
    changes: dict[str, object] = {}
    if options.models:
        changes |= {"models": list(options.models), "size_classes": []}
    if options.device:
        changes["device"] = [options.device]
    if options.precision:
        changes["precision"] = [options.precision]
    changes["threads"] = options.threads or suite.threads or default_threads()
    if options.training.given:
        changes["workload"] = with_options(suite, options.training)
    return suite.model_copy(update=changes), set(changes)


def _check_names(names: Iterable[str], key: str, registry: Registry[object], where: object) -> None:
    for index, name in enumerate(names):
        try:
            registry.check(name)
        except UsageError as error:
            raise UsageError(f"{where((key, index))}{error}") from None  # type: ignore[operator]


def _config(entry: ModelEntry, workload: Workload, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a model is built with for a workload."""
    if not isinstance(workload, TaskWorkload):
        return {**catalogue.config(entry, workload.shape), **arguments}
    head = Head(workload.classes, workload.channels, workload.vocabulary, workload.pooling)
    return {**catalogue.task_config(entry, workload.shape, head), **arguments}


def _find(name: str, workload: Workload, where: str) -> ModelEntry:
    """The model by its name, if it takes an input of this workload."""
    try:
        entry = catalogue.find(name)
        _config(entry, workload, {})
        return entry
    except UsageError as error:
        raise UsageError(f"{where}{error}") from error


def _cells(suite: Suite, workloads: list[Workload], entries: list[ModelEntry]) -> list[PlannedCell]:
    """The product of all axes, workloads outermost and models inside, so that blocks are contiguous."""
    planned: dict[str, PlannedCell] = {}
    axes = product(workloads, suite.device, suite.runtime, suite.precision, suite.seed, entries)
    for workload, device, runtime, precision, seed, entry in axes:
        config = _config(entry, workload, suite.arguments.get(entry.name, {}))
        threads = suite.threads or default_threads()
        cell = Cell.model_validate(
            {
                "model": entry.name,
                "config": config,
                "workload": workload,
                "device": device,
                "runtime": runtime,
                "precision": precision,
                "threads": threads,
                "seed": seed,
            }
        )
        key = identity(cell)
        planned[key] = PlannedCell(identity=key, family=entry.family, size_class=entry.size_class, cell=cell)
    return list(planned.values())
