"""One registry for everything that comes by name: models, probes, runtimes, devices, executors, tasks.

Entries are lazy ``"module:attribute"`` strings, so listing names imports nothing heavy. Other packages add
entries through the entry-point group ``vio_bench.<kind>s``. Two entries of one name are an error; a misspelt name
gets the nearest ones.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from baselines.errors import UsageError

T_co = TypeVar("T_co", covariant=True)


def load_attribute(path: str) -> object:
    """Import the object that ``"package.module:attribute"`` names."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def unknown_name(kind: str, name: str, known: Iterable[str], hint: str = "") -> UsageError:
    """The error for a name nobody registered, with the nearest names that exist."""
    near = difflib.get_close_matches(name, sorted(set(known)), n=4, cutoff=0.6)
    advice = f"did you mean {', '.join(near)}?" if near else hint or f"known: {', '.join(sorted(set(known)))}"
    return UsageError(f"unknown {kind} '{name}': {advice}")


class Registry(Generic[T_co]):
    """Names of one kind, each with the place its object is imported from when it is first asked for."""

    def __init__(self, kind: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self._builtin = dict(builtin)

    @cached_property
    def _paths(self) -> dict[str, str]:
        paths = dict(self._builtin)
        for entry in entry_points(group=f"vio_bench.{self.kind}s"):
            if entry.name in paths:
                raise UsageError(
                    f"{self.kind} '{entry.name}' is registered twice: {paths[entry.name]} and {entry.value}; "
                    "uninstall or rename one of the two"
                )
            paths[entry.name] = entry.value
        return paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def check(self, name: str) -> str:
        """Return ``name``, or raise a ``UsageError`` that suggests the nearest registered names."""
        if name not in self._paths:
            raise unknown_name(self.kind, name, self._paths)
        return name

    def load(self, name: str) -> T_co:
        """Import the object registered under ``name``."""
        return cast(T_co, load_attribute(self._paths[self.check(name)]))
