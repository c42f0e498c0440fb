"""Standalone: whether a model is built and run with torch and PyYAML alone, and what its packages take on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.installed import ACCELERATORS, folder_bytes, installed_bytes, needed, normal
from bench.job import Findings, Pass
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from bench.subject import Subject

_ALONE = ("torch", "pyyaml")
_ROOTS = {"vio": _ALONE, "mixer": _ALONE, "timm": ("timm",)}
_METHOD = "one forward in a process that can import the standard library, {allowed} and nothing else"


class StandaloneProbe:
    """Builds the model in a process that does not see any other package, and runs it once.

    A model of this house may import `vio` beside torch and PyYAML, and a user's the package that its factory is in.
    """

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``standalone``: 1 where it ran, 0 where it needs more; ``install_bytes`` of what it is installed with.

        Bytes are those of torch with what it requires, of PyYAML and of the `vio` package; for timm's models of timm
        and what that requires. What only a GPU needs is not counted, and a user's own model has no such figure.
        """
        from baselines import catalogue

        source, found = catalogue.find(subject.job.cell.model).source, Findings()
        own = _own_packages(source, subject.job.cell.model)
        told = _try_alone(_request(subject, source, own), subject.job.protocol.timeout_s)
        allowed = ", ".join(["torch with its requirements", "PyYAML", *own])
        found.exact("standalone", int(told["works"]), "1", _METHOD.format(allowed=allowed))
        if not told["works"]:
            found.warnings.append(_needs_more(subject.job.cell.model, told))
        if source in _ROOTS:
            _measure_installation(found, source)
        return found


def _own_packages(source: str, model: str) -> list[str]:
    if source == "vio":
        return ["vio"]
    users = [model.partition(":")[0].partition(".")[0]] if source == "user" else []
    return ["vio", "baselines", *users]


def _request(subject: Subject, source: str, own: list[str]) -> dict[str, Any]:
    cell, example = subject.job.cell, subject.example
    return {
        "packages": [*own, *_modules_of(needed(*_ALONE))],
        "path": [entry or str(Path.cwd()) for entry in sys.path],
        "source": source,
        "model": cell.model,
        "config": cell.config,
        "shape": list(example.shape),
        "vocabulary": None if example.is_floating_point() else int(example.max()) + 1,
        "threads": cell.threads,
    }


def _modules_of(distributions: set[str]) -> list[str]:
    owners = metadata.packages_distributions()
    return [module for module, names in owners.items() if distributions & {normal(name) for name in names}]


def _try_alone(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Raises ``RuntimeError`` where the process died without an answer."""
    script = Path(__file__).parents[1] / "standalone_child.py"
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"the process alone ended with {done.returncode}: {done.stderr[-500:]}") from None
    return told


def _needs_more(model: str, told: dict[str, Any]) -> MeasurementWarning:
    missing = told["missing"]
    what = f"needs '{missing}' too" if missing else f"does not run: {told['error'].splitlines()[0][:200]}"
    return MeasurementWarning(
        kind="needs_more",
        metric="standalone",
        message=f"with torch and PyYAML alone {model} {what}",
        evidence={"error": told["error"][:500], "missing": missing},
        advice="deploy it with its packages, or export it",
    )


def _measure_installation(found: Findings, source: str) -> None:
    distributions = needed(*_ROOTS[source])
    size, counted = installed_bytes(distributions), sorted(n for n in distributions if not n.startswith(ACCELERATORS))
    if source != "timm":
        import vio

        size, counted = size + folder_bytes(Path(vio.__file__).parent), [*counted, "the package vio"]
    method = f"files on disk of {', '.join(counted)}; compiled Python and what only a GPU needs not counted"
    found.exact("install_bytes", size, "B", f"torch {metadata.version('torch')}: {method}")


PROBE = StandaloneProbe()
