"""A suite as it stands in a YAML file: read strictly, each mistake shown at its line with what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from baselines.errors import UsageError
from baselines.registry import unknown_name
from suites.protocol import Protocol
from suites.recipe import Recipe
from suites.schema import SCHEMA_VERSION, Strict
from suites.suite import AXES, Suite
from suites.workload import kind_of
from suites.yaml_marks import Location, MarkedYaml

_SCHEMAS: dict[Location, type[Strict]] = {("protocol",): Protocol, ("workload", "recipe"): Recipe}

DEFINITIONS = Path(str(files("suites"))) / "definitions"


class SuiteFile:
    """A suite together with the file it stands in, so that later errors still name line and column."""

    def __init__(self, suite: Suite, source: MarkedYaml) -> None:
        self.suite = suite
        self._source = source

    def where(self, location: Location) -> str:
        """``file:line:column`` of a value."""
        return self._source.where(location)


def builtin_suites() -> dict[str, Path]:
    """Suites that come with the package, by name."""
    return {path.stem: path for path in sorted(DEFINITIONS.glob("*.yaml"))}


def load_suite(name_or_path: str) -> SuiteFile:
    """A built-in suite by name, or a user's own by path (anything with a slash or ending in .yaml or .yml).

    Raises ``UsageError`` with file, line and column for an unknown key, a wrong type or an impossible value.
    """
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    if not is_path and name_or_path not in builtin_suites():
        raise unknown_name("suite", name_or_path, builtin_suites())
    source = MarkedYaml(Path(name_or_path) if is_path else builtin_suites()[name_or_path])
    if not isinstance(source.data, dict):
        raise UsageError(f"{source.where(())}: a suite is a mapping with name, question, models, workload, metrics")
    version = source.data.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UsageError(
            f"{source.where(('schema_version',))}: written for schema {version}, this vio-bench reads up to "
            f"{SCHEMA_VERSION}; upgrade vio-bench"
        )
    try:
        return SuiteFile(Suite.model_validate(source.data), source)
    except ValidationError as error:
        raise UsageError(_explain(error, source)) from error


def _explain(error: ValidationError, source: MarkedYaml) -> str:
    """The first problem in one line: where, what, and the nearest thing that would be right."""
    problems = error.errors(include_url=False)
    # a size may be a number or a pair; of the two complaints the one about the written form is shown
    first = min(problems, key=lambda p: (_depth_missing(_written(p), source), p["type"].startswith("tuple")))
    location = _written(first)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key '{location[-1]}'; {_nearest(str(location[-1]), _known_keys(location[:-1], source))}"
    elif first["type"] == "missing":
        message = f"'{location[-1]}' is missing; add it"
    elif first["type"] == "union_tag_invalid":
        location = (*location, "kind")
        message = f"unknown kind '{first['ctx']['tag']}'; {_nearest(first['ctx']['tag'], AXES)}"
    else:
        message = f"{'.'.join(map(str, location)) or 'suite'}: {message} (here: {first['input']!r})"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{source.where(location)}: {message}{more}"


def _written(problem: ErrorDetails) -> Location:
    """Where a problem stands: pydantic's location without the names of what it tried.

    Those are the kind of axes, 'tuple[...]' and 'constrained-int'. An unknown key, which comes last, may be anything.
    """
    location = problem["loc"]
    known = location[:-1] if problem["type"] == "extra_forbidden" else location
    parts = [p for p in known if isinstance(p, int) or not ("[" in p or "-" in p or p == "int")]
    parts = [*parts[:1], *parts[2:]] if parts[:1] == ["workload"] else parts
    return *parts, *location[len(known) :]


def _depth_missing(location: Location, source: MarkedYaml) -> int:
    value: Any = source.data
    for depth, part in enumerate(location):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return len(location) - depth
    return 0


def _known_keys(location: Location, source: MarkedYaml) -> Iterable[str]:
    if location == ("workload",):
        return AXES[kind_of(source.data["workload"])].model_fields
    return _SCHEMAS.get(location, Suite).model_fields


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
