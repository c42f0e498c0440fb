"""The exact figures of one model: nothing is timed, so nothing needs isolation."""

from __future__ import annotations

from typing import Any

from baselines import catalogue
from bench.job import Job
from bench.mac_counters import count_by_dispatcher
from bench.plan import default_threads
from bench.probes import PROBES
from bench.subject import build_subject, check_call
from bench.tensor_memory import peak_tensor_bytes
from suites.cell import Cell
from suites.protocol import Protocol
from suites.workload import Workload


def describe(name: str, workload: Workload) -> dict[str, Any]:
    """Params, MACs, FLOPs, coverage, tensor peak and a layer table of a model on one input, as plain data.

    ``layers`` has a row for every direct child, and for each child of a container, with params and MACs.
    """
    entry = catalogue.find(name)
    config = catalogue.config(entry, workload.shape)
    cell = Cell(model=name, config=config, workload=workload, device="cpu", threads=default_threads())
    subject = build_subject(Job(cell, "exact", ("params", "macs"), Protocol(), 0.0, 0, check_output=True))
    check_call(subject)
    findings = [PROBES.load(metric).read(subject) for metric in ("params", "macs")]
    figures = {reading.name: reading.samples[0] for found in findings for reading in found.readings}
    existing = [*subject.model.parameters(), *subject.model.buffers(), subject.example]
    count = count_by_dispatcher(subject.model, subject.example)
    return {
        "model": name,
        "family": entry.family,
        "size_class": entry.size_class,
        "workload": workload.label,
        **workload.dimensions,
        "batch": workload.batch,
        "tokens": workload.tokens,
        "params": int(figures["params"]),
        "buffers": int(figures["buffers"]),
        "weight_bytes": int(figures["weight_bytes"]),
        "macs": int(figures["macs"]),
        "flops": int(figures["flops"]),
        "macs_coverage": figures["macs_coverage"],
        "macs_method": next(r.method for found in findings for r in found.readings if r.name == "macs"),
        "uncounted_elements": count.uncounted,
        "opaque_operators": count.opaque,
        "peak_tensor_bytes": peak_tensor_bytes(subject.call, existing),
        "layers": _layers(subject.model, count.by_module),
        "warnings": [w.model_dump(mode="json") for found in findings for w in found.warnings],
    }


def _layers(model: Any, macs: dict[str, int]) -> list[dict[str, Any]]:
    rows = []
    for name, module in model.named_modules():
        depth = name.count(".") + 1 if name else 0
        params = sum(p.numel() for p in module.parameters())
        if depth in (1, 2) and (params or macs.get(name)):
            row = {"name": name, "type": type(module).__name__, "params": params, "macs": macs.get(name, 0)}
            rows.append({**row, "depth": depth})
    return rows
