"""A model that is said to need torch alone is built where nothing else can be imported."""

from __future__ import annotations

from importlib import metadata

import pytest
import torch

from baselines import catalogue
from bench.installed import installed_bytes, needed
from bench.job import Findings
from bench.probes import PROBES
from bench.subject import build_subject
from suites.workload import ImageWorkload, SequenceWorkload
from tests.bench.conftest import MODELS
from tests.bench.test_exports import subject_of


def _read(model: str, workload: ImageWorkload | SequenceWorkload) -> tuple[dict[str, float], Findings]:
    entry = catalogue.find(model)
    plain = subject_of(torch.nn.Identity(), torch.zeros(workload.shape)).job
    cell = plain.cell.model_copy(update={"model": model, "config": catalogue.config(entry, workload.shape)})
    subject = build_subject(type(plain)(**{**vars(plain), "cell": cell.model_copy(update={"workload": workload})}))
    found = PROBES.load("standalone").read(subject)
    return {reading.name: reading.samples[0] for reading in found.readings}, found


def test_a_vio_model_runs_with_torch_and_yaml_alone() -> None:
    figures, found = _read("vio_nano", ImageWorkload(height=32, width=48, source="noise"))
    assert figures["standalone"] == 1 and not found.warnings
    torch_bytes = sum(f.size or 0 for f in metadata.files("torch") or [] if f.suffix != ".pyc")
    assert torch_bytes < figures["install_bytes"] < 1.3 * torch_bytes
    method = found.readings[1].method
    assert "the package vio" in method and "numpy" not in method and "nvidia" not in method


def test_a_model_that_imports_more_needs_more_and_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(MODELS)
    figures, found = _read("needy:needy", SequenceWorkload(length=4, channels=5))  # it was built here, beside numpy
    assert figures == {"standalone": 0}
    (warning,) = found.warnings
    assert (warning.kind, warning.metric, warning.evidence["missing"]) == ("needs_more", "standalone", "numpy")
    assert "needy:needy needs 'numpy' too" in warning.message  # and not 'needy', which is the model's own
    assert "needy" in found.readings[0].method


def test_requirements_are_followed_and_their_files_counted() -> None:
    assert {"torch", "sympy", "mpmath"} <= needed("torch") and "numpy" not in needed("torch")
    assert needed("no-such-distribution") == set()
    files = [file for file in metadata.files("PyYAML") or [] if file.suffix != ".pyc" and file.size]
    assert installed_bytes({"pyyaml"}) == sum(file.size or 0 for file in files)
    assert sum(file.locate().stat().st_size for file in files) == installed_bytes({"pyyaml"})  # type: ignore[attr-defined]
    assert installed_bytes({"nvidia-cublas", "triton"}) == 0
