"""The strict reader of configurations: YAML or plain data in, frozen dataclasses out, every mistake at its place.

Nothing here imports torch: a planner can read every model's configuration without it.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_DEPTH = 8
_INT_MAX = 2**31 - 1
FieldPath: TypeAlias = "tuple[str | int, ...]"
_Marks: TypeAlias = "dict[FieldPath, tuple[yaml.Mark, yaml.Mark]]"
_Parsed = TypeVar("_Parsed")


class ConfigError(ValueError):
    """A value that can't be used. `path` leads to it: names of fields and places in lists."""

    def __init__(self, path: FieldPath, message: str, *, on_key: bool = False) -> None:
        self.path, self.message, self.on_key = path, message, on_key
        super().__init__(f"{'.'.join(map(str, path))}: {message}" if path else message)


def read_yaml(path: Path, parse: Callable[[Any], _Parsed]) -> _Parsed:
    """What `parse` makes of a YAML file's plain data.

    Raises:
        ValueError: the file is not YAML, or `parse` raised a `ConfigError`. The message begins with file, line, column.
    """
    marks: _Marks = {}
    try:
        node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
        if node is None:
            raise ValueError(f"{path}:1:1: the file is empty")
        return parse(_plain(node, (), marks))
    except ConfigError as error:
        key, value = marks[error.path]
        raise ValueError(f"{_place(path, key if error.on_key else value)}: {error}") from error
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"{_place(path, error.problem_mark)}: {error.problem}") from error
    except yaml.YAMLError as error:  # not text at all: there is no line to name
        raise ValueError(f"{path}:1:1: {error}") from error


def build(kind: Any, data: Any, path: FieldPath = ()) -> Any:
    """Turn plain data into a value of the type that a field asks for: a dataclass, tuple, optional or scalar.

    Raises:
        ConfigError: unknown, missing or unusable value.
    """
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _build_dataclass(kind, data, path)
    if get_origin(kind) in (Union, types.UnionType):
        return None if data is None else build(get_args(kind)[0], data, path)
    if get_origin(kind) is tuple and isinstance(data, (list, tuple)):
        return tuple(build(get_args(kind)[0], item, (*path, i)) for i, item in enumerate(data))
    if kind is int and type(data) is int and abs(data) > _INT_MAX:
        raise ConfigError(path, f"must be at most {_INT_MAX}, got {data}")
    if kind is float and type(data) in (int, float) and abs(data) <= sys.float_info.max:
        return float(data)
    if kind in (int, str, bool) and type(data) is kind:  # not isinstance: True is no whole number
        return data
    raise ConfigError(path, f"expected {_words(kind)}, got {data!r}")


def plain(value: Any) -> Any:
    """A configuration as dicts, lists and scalars: what `build` takes back."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def require_positive(config: Any, *names: str) -> None:
    """Raise `ConfigError` unless the named fields are above 0."""
    for name in names:
        if getattr(config, name) <= 0:
            raise ConfigError((name,), f"must be above 0, got {getattr(config, name)}")


def require_hidden_channel(config: Any, width: int) -> None:
    """Raise `ConfigError` unless `expansion` leaves a feed-forward layer of this width a hidden channel."""
    if round(config.expansion * width) < 1:
        raise ConfigError(("expansion",), f"{config.expansion} of the width {width} leaves no hidden channel")


def require_one_of(config: Any, name: str, known: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless the named field, or each item of it, is one of `known`."""
    value = getattr(config, name)
    for item in value if isinstance(value, tuple) else (value,):
        if item not in known:
            raise ConfigError((name,), f"unknown {name.removesuffix('s')} {item!r}{nearest(item, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint to put behind a message: the nearest known name, or all of them."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known: {', '.join(sorted(known))}"


def _plain(node: yaml.Node, path: FieldPath, marks: _Marks, key_mark: yaml.Mark | None = None) -> Any:
    """A YAML node as plain data; `marks` learns where the key and the value of each path stand."""
    marks[path] = (key_mark or node.start_mark, node.start_mark)
    if len(path) > _MAX_DEPTH:  # an alias may stand inside of what it stands for
        raise ConfigError(path, "nested too deeply")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), marks) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        data: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            place = (*path, name)
            if name in data:
                marks[place] = (key.start_mark, value.start_mark)
                raise ConfigError(place, "is set twice", on_key=True)
            data[name] = _plain(value, place, marks, key.start_mark)
        return data
    try:
        return yaml.SafeLoader("").construct_object(node)
    except ValueError:  # '!!int x' says of itself what it is not
        return node.value


def _build_dataclass(kind: Any, data: dict[str, Any], path: FieldPath) -> Any:
    types_of = get_type_hints(kind)
    hints = {field.name: types_of[field.name] for field in dataclasses.fields(kind)}
    for name in data:
        if name not in hints:
            raise ConfigError((*path, name), f"unknown key{nearest(name, hints)}", on_key=True)
    for field in dataclasses.fields(kind):
        if field.name not in data and field.default is dataclasses.MISSING:
            raise ConfigError(path, f"{field.name!r} is missing")
    values = {name: build(hints[name], value, (*path, name)) for name, value in data.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        # A value that takes its default stands nowhere: then the error belongs to the whole.
        given = error.path[0] in data
        raise ConfigError((*path, *error.path) if given else path, error.message if given else str(error)) from error


def _words(kind: Any) -> str:
    if dataclasses.is_dataclass(kind):
        return "a mapping"
    if get_origin(kind) in (Union, types.UnionType):
        return f"{_words(get_args(kind)[0])} or null"
    if get_origin(kind) is tuple:
        return "a list"
    return {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false"}[kind]


def _place(path: Path, mark: yaml.Mark | None) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}:1:1"
