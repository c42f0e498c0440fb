"""YAML to plain data, with the line and column of every value, so that an error can point at its cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from baselines.errors import UsageError

Location = tuple[int | str, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""LibYAML's where PyYAML was built with it: ten times as fast, which long files of claims need."""


class MarkedYaml:
    """The data of a YAML file, and where each of its values stands."""

    def __init__(self, path: Path, empty: str = "see 'vio-bench list suites' for suites to start from") -> None:
        """Read ``path``. Raises ``UsageError`` where it can't be read, is not YAML, repeats a key, or holds nothing;
        ``empty`` says what to do about that."""
        self.path = path
        self._marks: dict[Location, yaml.Mark] = {}
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"can't read {path}: {error}") from error
        try:
            root = yaml.compose(text, Loader=_LOADER)
            self.data: Any = yaml.load(text, Loader=_LOADER)  # safe: either is PyYAML's safe loader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
            raise UsageError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
        except (ValueError, KeyError, RecursionError) as error:  # a value that is not of the type it looks like
            raise UsageError(f"{path}: not YAML: {type(error).__name__}: {error}") from error
        if root is None:
            raise UsageError(f"{path}: empty; {empty}")
        self._walked: set[int] = set()
        self._walk(root, ())

    def _walk(self, node: yaml.Node, location: Location) -> None:
        self._marks[location] = node.start_mark
        if id(node) in self._walked:  # an alias: its values were seen where they are written
            return
        self._walked.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    raise UsageError(f"{self._at(key.start_mark)}: '{key.value}' stands here twice; keep one")
                seen.add(key.value)
                here = (*location, key.value)
                self._walk(value, here)
                if not isinstance(value, yaml.ScalarNode):  # a whole list or mapping is best shown at its key
                    self._marks[here] = key.start_mark
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*location, index))

    def _at(self, mark: yaml.Mark) -> str:
        return f"{self.path}:{mark.line + 1}:{mark.column + 1}"

    def where(self, location: Location) -> str:
        """``file:line:column`` of the value at ``location``, or of the nearest value above it."""
        while location and location not in self._marks:
            location = location[:-1]
        return self._at(self._marks[location])
