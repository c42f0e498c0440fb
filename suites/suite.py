"""A suite: which models, workloads, devices and metrics answer one question. Read from YAML, strictly."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails
from typing_extensions import Self

from baselines.catalogue import size_classes
from baselines.errors import UsageError
from baselines.registry import unknown_name
from suites.cell import (
    ImageWorkload,
    Layout,
    Mode,
    Pixels,
    Positive,
    Precision,
    Seed,
    SequenceWorkload,
    Source,
    Workload,
    kind_of,
)
from suites.protocol import Protocol
from suites.schema import SCHEMA_VERSION, Strict
from suites.yaml_marks import Location, MarkedYaml

Size = Pixels | tuple[Pixels, Pixels]
SizeClass = Literal["nano", "tiny", "small", "base"]
DEFINITIONS = Path(str(files("suites"))) / "definitions"


class ImageAxes(Strict):
    """The axes whose product are the workloads of a suite of images."""

    kind: Literal["image"] = "image"
    """What the input is."""
    image_size: Annotated[list[Size], Field(min_length=1)]
    """Sides in pixels, or [height, width] pairs."""
    batch: Annotated[list[Positive], Field(min_length=1)] = [1]
    """Batch sizes."""
    source: Source = "photo"
    """What the images show."""
    layout: Annotated[list[Layout], Field(min_length=1)] = ["contiguous"]
    """Memory formats."""
    fuse: Annotated[list[bool], Field(min_length=1)] = [False]
    """Batch norms as shipped (false) or folded (true)."""

    def workloads(self) -> Iterator[Workload]:
        """Every combination, sizes outermost."""
        for size, batch, layout, fuse in product(self.image_size, self.batch, self.layout, self.fuse):
            height, width = size if isinstance(size, tuple) else (size, size)
            yield ImageWorkload(batch=batch, height=height, width=width, source=self.source, layout=layout, fuse=fuse)


class SequenceAxes(Strict):
    """The axes whose product are the workloads of a suite of sequences."""

    kind: Literal["sequence"]
    """What the input is."""
    length: Annotated[list[Positive], Field(min_length=1)]
    """Lengths in tokens."""
    channels: Positive
    """Channels of a token."""
    batch: Annotated[list[Positive], Field(min_length=1)] = [1]
    """Batch sizes."""
    mode: Annotated[list[Mode], Field(min_length=1)] = ["forward"]
    """The forward alone, or with the backward of the sum of its output."""

    def workloads(self) -> Iterator[Workload]:
        """Every combination, modes outermost, then lengths."""
        for mode, length, batch in product(self.mode, self.length, self.batch):
            yield SequenceWorkload(batch=batch, length=length, channels=self.channels, mode=mode)


_AXES: dict[str, type[Strict]] = {"image": ImageAxes, "sequence": SequenceAxes}


class Suite(Strict):
    """A question, and the cells that answer it."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
    """Short name; part of the result folder's name."""
    question: str
    """What it answers."""
    models: list[str] = []
    """Models by name."""
    size_classes: list[SizeClass] = []
    """Size classes whose models are all included."""
    workload: Annotated[
        Annotated[ImageAxes, Tag("image")] | Annotated[SequenceAxes, Tag("sequence")], Discriminator(kind_of)
    ]
    """What they are run on."""
    device: Annotated[list[str], Field(min_length=1)] = ["cpu"]
    """Devices."""
    runtime: Annotated[list[str], Field(min_length=1)] = ["eager"]
    """Runtimes."""
    precision: Annotated[list[Precision], Field(min_length=1)] = ["fp32"]
    """Number formats."""
    threads: Positive | None = None
    """Threads inside an operator; by default two, or one on a single core."""
    seed: Annotated[list[Seed], Field(min_length=1)] = [0]
    """Seeds."""
    metrics: Annotated[list[str], Field(min_length=1)]
    """Metrics."""
    protocol: Protocol = Protocol()
    """How long and how well it is measured."""

    @model_validator(mode="after")
    def _has_models(self) -> Self:
        if not self.models and not self.size_classes:
            raise ValueError("no models: name some under 'models', or a size class under 'size_classes'")
        return self

    def model_names(self) -> list[str]:
        """All models, each once, in order."""
        listed = [entry.name for size in self.size_classes for entry in size_classes()[size]]
        return list(dict.fromkeys([*self.models, *listed]))


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
        message = f"unknown kind '{first['ctx']['tag']}'; {_nearest(first['ctx']['tag'], _AXES)}"
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
        return _AXES[kind_of(source.data["workload"])].model_fields
    return (Protocol if location == ("protocol",) else Suite).model_fields


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
