"""The claims that come with the package: every document is there, and a claim's own command makes what decides it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
from typer.main import get_command

from bench.cli import app
from reports.claims.capability import CapabilityClaim
from reports.claims.claim import Claim, Wanted
from reports.claims.documents import Document, load_documents
from suites.suite import Suite
from suites.suite_file import builtin_suites, load_suite
from suites.task_axes import TaskAxes
from suites.tasks.loading import find_task

DOCUMENTS = load_documents()
MEASURED = [claim for document in DOCUMENTS for claim in document.claims if claim.kind != "untestable"]

FIGURES = {
    "params": {"params", "buffers", "weight_bytes"},
    "macs": {"macs", "flops"},
    "peak_memory": {"peak_tensor_bytes", "peak_rss", "input_bytes"},
    "latency": {"latency", "first_call"},
    "throughput": {"throughput"},
    "accuracy": {"accuracy", "train_time", "train_throughput", "macro_f1"},
    "embeddings": {"knn_accuracy", "linear_probe_accuracy"},
    "streaming": {"state_bytes", "cache_bytes", "streaming_error"},
    "step_latency": {"step_latency"},
    "torchscript": {"torchscript_error", "torchscript_resized_error"},
    "onnx": {"onnx_error", "onnx_resized_error", "onnx_bytes"},
    "standalone": {"standalone", "install_bytes"},
    "training_memory": {"train_tensor_peak", "checkpointed_share", "bf16_error"},
}
"""What each metric of a suite leaves in a record, as far as claims speak of it."""

REQUIRED = {
    "viov3-overview": """v3-faster-than-vit v3-more-tokens-per-second v3-fewer-params-than-vit v3-less-memory-than-vit
        v3-memory-independent-of-length vit-memory-quadratic v3-efficient-on-cpu v3-efficient-on-edge-time
        v3-accuracy-kept-against-vit v3-accuracy-kept-against-convnets v3-better-than-v2 v2-better-than-v1
        v3-classifies-cifar100 v3-classifies-cifar100-subset v3-classifies-tiny-imagenet v3-exports-to-onnx
        v3-exports-to-onnx-resized v3-embeddings-nearest-neighbours
        v3-exports-to-tflite v3-stream-high-throughput v3-stream-state-constant""",
    "vio-phase3-architecture": """p3-mamba-keeps-long-context p3-mamba-less-memory p3-mamba-faster-when-long
        p3-mamba-crossover p3-transformer-excellent-locally p3-transformer-long-range-weak p3-transformer-slow-when-long
        p3-transformer-memory-high p3-hybrid-faster-than-either p3-hybrid-smarter-than-either
        p3-hybrid-less-compute-than-either p3-hybrid-less-memory-than-either p3-torch-alone p3-sequential-from-yaml
        p3-parallel-from-yaml""",
    "viov3-vs-transformers-and-mamba": """vs-linear-time vs-no-attention-matrix vs-runs-on-cpu vs-no-extensions
        vs-runs-on-t4 vs-runs-on-k80 vs-real-time vs-plugs-into-training vs-transformer-quadratic-time
        vs-transformer-quadratic-memory vs-light-in-memory vs-light-to-install vs-filtering-keeps-what-matters
        vs-mamba-needs-compilation vs-mamba2-needs-compilation""",
    "vio-dna": """dna-80-percent dna-tradeoff-accuracy dna-tradeoff-time dna-motifs-more-accurate dna-faster-training
        dna-faster-inference dna-trains-within-minutes dna-standard-layers dna-other-sequences""",
    "mambavision": """mv-tiny-params mv-small-params mv-base-params mv-tiny-imagenet mv-small-imagenet mv-linear-compute
        mv-linear-time mv-less-memory mv-faster-than-vit mv-exports-to-torchscript mv-exports-to-onnx
        mv-exports-to-torchscript-resized mv-exports-to-onnx-resized mv-checkpointing-saves-memory
        mv-mixed-precision-works""",
}


@pytest.mark.parametrize("name", REQUIRED)
def test_each_document_makes_its_claims(name: str) -> None:
    """What issue and document ask for is there, whatever else is."""
    (document,) = [document for document in DOCUMENTS if document.name == name]
    assert not set(REQUIRED[name].split()) - {claim.id for claim in document.claims}
    assert all(claim.place for claim in document.claims), "a reader must find the sentence"


def test_ids_are_unique() -> None:
    """One id is one claim, over all documents: `--require` names it."""
    ids = [claim.id for document in DOCUMENTS for claim in document.claims]
    assert len(ids) == len(set(ids)) > 150


def test_published_figures_stand_beside_imagenet() -> None:
    """What can't be trained here is shown as the paper has it, with the size of its models."""
    notes = {claim.id: claim.note for document in DOCUMENTS for claim in document.claims}
    assert "82.3 %" in notes["mv-tiny-imagenet"] and "31.8 million" in notes["mv-tiny-imagenet"]
    small = notes["mv-small-imagenet"]
    assert all(figure in small for figure in ("83.3 %", "50.1 million", "84.2 %", "97.7 million"))


def test_an_export_at_its_own_size_says_nothing_of_others() -> None:
    """Parity at the exported size stands beside parity at another, for the same model by the same bound."""
    bounds = {
        (claim.metric, claim.ours["model"].one_of): claim.at_most
        for claim in MEASURED
        if isinstance(claim, CapabilityClaim) and claim.metric and claim.metric.endswith("_error")
    }
    exports = {(metric, model) for metric, model in bounds if metric in ("onnx_error", "torchscript_error")}
    assert len(exports) == 4
    for metric, model in exports:
        assert bounds[metric, model] == bounds[metric.replace("_error", "_resized_error"), model]


def test_like_scans_are_compared() -> None:
    """Mamba's first form is set beside implementations of it, its second beside its second."""
    first = {"mixer/selective_scan", "mixer/transformers_mamba", "mixer/mambapy"}
    second = {"mixer/ssd", "mixer/transformers_mamba2"}
    models = {claim.id: {m for side in _sides(claim) for m in side["model"].one_of} for claim in MEASURED}
    assert models["vs-mamba-needs-compilation"] == first and models["vs-mamba2-needs-compilation"] == second


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_can_be_given(document: Document) -> None:
    """A claim names what would test it: a command with options that exist, or none where there is no such thing."""
    for claim in document.claims:
        program, *arguments = shlex.split(claim.command)
        if claim.kind == "untestable" and program in ("none", "pytest"):
            continue
        assert program == "vio-bench", claim.id
        parsed = _parsed(arguments)
        assert claim.kind == "untestable" or parsed["suite"] in builtin_suites(), f"{claim.id}: {claim.command}"


@pytest.mark.parametrize("claim", MEASURED, ids=lambda claim: claim.id)
def test_a_claims_command_makes_the_cells_that_decide_it(claim: Any) -> None:
    """Each model on each side has a cell in that run at all that is listed, and the run measures the metric in it."""
    run = _Run(claim)
    figures = run.figures()
    assert claim.metric is None or claim.metric in figures, f"'{claim.command}' does not measure {claim.metric}"
    for side in _sides(claim):
        wanted = {**claim.at, **side}
        for model in side["model"].one_of:
            assert model in _known_models(), f"no suite knows {model}"
            rows = [row for row in run.rows() if row["model"] == model]
            for place in _places(wanted):
                assert any(_holds(row, place) for row in rows), f"'{claim.command}' has no cell of {model} with {place}"


def _sides(claim: Any) -> list[dict[str, Wanted]]:
    return [claim.ours, *getattr(claim, "theirs", [])]


def _places(wanted: dict[str, Wanted]) -> Iterator[dict[str, Wanted]]:
    """A selection for each combination of the values that it lists: a claim is open until all of them are measured."""
    listed = {name: want.one_of for name, want in wanted.items() if name != "model" and want.one_of}
    for values in product(*listed.values()):
        yield wanted | {name: Wanted(one_of=(value,)) for name, value in zip(listed, values, strict=True)}


def _holds(row: dict[str, Any], wanted: dict[str, Wanted]) -> bool:
    return all(want.holds(row.get(column)) for column, want in wanted.items())


@cache
def _known_models() -> set[str]:
    return {model for suite in builtin_suites() for model in _suite(suite).model_names()}


@cache
def _suite(name: str) -> Suite:
    return load_suite(name).suite


@cache
def _commands() -> dict[str, Any]:
    group: Any = get_command(app)
    return dict(group.commands)


def _parsed(arguments: list[str]) -> dict[str, Any]:
    """The options of a command as `vio-bench` itself reads them."""
    values: dict[str, Any] = _commands()[arguments[0]].make_context(arguments[0], arguments[1:]).params
    return values


class _Run:
    """What a claim's command would measure."""

    def __init__(self, claim: Claim) -> None:
        self._options = _parsed(shlex.split(claim.command)[1:])
        self._suite = _suite(self._options["suite"])

    def figures(self) -> set[str]:
        """The names of all figures in its records."""
        found = {figure for metric in self._suite.metrics for figure in FIGURES.get(metric, ())}
        sizes = self._suite.workload.test_sizes if isinstance(self._suite.workload, TaskAxes) else []
        return found | {f"accuracy_at_{size}" for size in sizes}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every cell as the columns of the tidy table have it; nothing is built, and no data are read."""
        suite, given = self._suite, self._options
        for model in given["model"] or suite.model_names():
            for device in {given["device"] or suite.device[0], *suite.device}:
                for precision in suite.precision:  # a run on another device is merged with one on the suite's own
                    cell = {"model": model, "device": device, "precision": precision}
                    yield from ({**row, **cell, "threads": given["threads"] or 2} for row in self._workloads())

    def _workloads(self) -> Iterator[dict[str, Any]]:
        axes, tasks = self._suite.workload, self._options["task"]
        if not isinstance(axes, TaskAxes):
            for workload in axes.workloads():
                found = {name: getattr(workload, name) for name in ("mode", "batch", "layout", "fuse", "tokens")}
                yield found | workload.dimensions
            return
        for name in tasks or axes.task:
            info = find_task(name).info
            for size in (axes.input_size if not tasks else []) or info.sizes[:1]:
                of_kind = {"height": size, "width": size} if info.kind == "image" else {"length": size, "channels": 5}
                yield {"task": name, "mode": "forward", "batch": axes.batch, "fuse": False, **of_kind}
