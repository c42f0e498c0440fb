"""Run as a script: build a model and run it where only the packages that it is told of can be imported.

Reads one JSON object from standard input and writes one to standard output. It must import nothing but the standard
library before the others are shut out.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


class Only:
    """A finder that does not see any other top-level package."""

    def __init__(self, finder: Any, packages: frozenset[str]) -> None:
        self.finder, self.packages = finder, packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """What the finder finds, unless the package is not among those that are allowed."""
        package = name.partition(".")[0]
        if package not in self.packages and package not in sys.stdlib_module_names:
            return None
        return self.finder.find_spec(name, path, target)


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Build and run what was asked for: whether that works, and the import that failed where it does not."""
    packages = frozenset(asked["packages"])
    sys.path[:] = asked["path"]
    sys.meta_path[:] = [Only(finder, packages) for finder in sys.meta_path if hasattr(finder, "find_spec")]
    try:
        _run(asked)
    except Exception as error:  # whatever is raised is the answer
        return {"works": False, "error": f"{type(error).__name__}: {error}", "missing": _missing(error)}
    return {"works": True}


def _missing(error: BaseException | None) -> str:
    """The top-level package whose import failed, wherever in the chain of causes that stands; empty where none did."""
    while error is not None:
        if isinstance(error, ImportError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return ""


def _run(asked: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(asked["threads"])
    torch.manual_seed(0)
    model = _build(asked["source"], asked["model"], asked["config"]).eval()
    vocabulary = asked["vocabulary"]
    example = torch.randn(asked["shape"]) if vocabulary is None else torch.randint(vocabulary, asked["shape"])
    with torch.no_grad():
        output = model(example)
    if not bool(torch.isfinite(output).all()):
        raise ValueError("its output is not finite")


def _build(source: str, model: str, config: dict[str, Any]) -> Any:
    if source == "vio":
        return import_module("vio").create_model(model, **config)
    catalogue = import_module("baselines.catalogue")
    return catalogue.build(catalogue.find(model), config)


if __name__ == "__main__":
    import contextlib

    request, answer = json.load(sys.stdin), sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        told = main(request)
    json.dump(told, answer)
