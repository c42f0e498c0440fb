"""What a VIO model is made of, as plain data, and the strict reader of its YAML form.

Nothing here imports torch: a planner can read every model's configuration without it.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_origin, get_type_hints

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCKS = ("dense", "conv", "ssd", "attention")
POOLS = ("avg", "")

_MAX_DEPTH = 8
_FOLDER = Path(__file__).parent / "configs"
_FieldPath: TypeAlias = "tuple[str | int, ...]"
_Marks: TypeAlias = "dict[_FieldPath, tuple[yaml.Mark, yaml.Mark]]"


class ConfigError(ValueError):
    """A value that can't be used. `path` leads to it: names of fields and places in lists."""

    def __init__(self, path: _FieldPath, message: str, *, on_key: bool = False) -> None:
        self.path, self.message, self.on_key = path, message, on_key
        super().__init__(f"{'.'.join(map(str, path))}: {message}" if path else message)


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """Blocks at one resolution. A stage begins by halving the resolution of the one before."""

    width: int
    """Channels."""
    blocks: tuple[str, ...]
    """Kind of each block, one of BLOCKS: dense 3x3 pair, or feed-forward behind a conv, ssd or attention mixer."""

    def __post_init__(self) -> None:
        _require_positive(self, "width")
        if not self.blocks:
            raise ConfigError(("blocks",), "a stage needs at least one block")
        for block in self.blocks:
            if block not in BLOCKS:
                raise ConfigError(("blocks",), f"unknown block {block!r}{_nearest(block, BLOCKS)}")


@dataclasses.dataclass(frozen=True)
class VIOConfig:
    """A whole model."""

    stem_width: int
    """Channels after the first convolution, at stride 4."""
    stages: tuple[StageConfig, ...]
    """Stages at stride 8, 16, 32 and so on."""
    expansion: float
    """Hidden width of a feed-forward layer, as a multiple of its stage's width."""
    head_width: int
    """Channels of one head of a scan or of attention."""
    state_size: int
    """State of a scan, in numbers a channel."""
    num_features: int
    """Channels that the classifier sees."""
    num_classes: int = 1000
    """Outputs of the classifier; 0 for none."""
    in_chans: int = 3
    """Channels of the input."""
    global_pool: str = "avg"
    """'avg', or '' to keep the map (then without a classifier)."""

    def __post_init__(self) -> None:
        _require_positive(self, "stem_width", "expansion", "head_width", "state_size", "num_features", "in_chans")
        if not self.stages:
            raise ConfigError(("stages",), "a model needs at least one stage")
        for stage in self.stages:
            if {"ssd", "attention"} & set(stage.blocks) and stage.width % self.head_width:
                raise ConfigError(("head_width",), f"{self.head_width} does not divide the stage width {stage.width}")
        if self.num_classes < 0:
            raise ConfigError(("num_classes",), f"must be 0 or more, got {self.num_classes}")
        if self.global_pool not in POOLS:
            raise ConfigError(("global_pool",), f"must be one of {POOLS}, got {self.global_pool!r}")
        if self.num_classes and not self.global_pool:
            raise ConfigError(("global_pool",), "a classifier needs pooled features: set 'avg', or num_classes to 0")


def list_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_config(name: str) -> VIOConfig:
    """Configuration of a named model.

    Raises:
        ValueError: there is no such model; the message suggests the nearest name.
    """
    names = list_models()
    if name not in names:
        raise ValueError(f"unknown model {name!r}{_nearest(name, names)}")
    return read_config(_FOLDER / f"{name}.yaml")


def config_dict(name: str) -> dict[str, Any]:
    """Configuration of a named model as dicts, lists, numbers and strings, every default filled in."""
    return _as_plain(load_config(name))


def override(config: VIOConfig, **changes: Any) -> VIOConfig:
    """A copy of a configuration with some values replaced, as plain data: what `config_dict` gives is taken back.

    Raises:
        ValueError: an unknown name, or a value of the wrong type or out of range.
    """
    return _read_plain({**_as_plain(config), **changes})


def read_config(path: str | Path) -> VIOConfig:
    """Read a model's YAML file.

    Raises:
        ValueError: the file is not YAML, or has an unknown, missing, repeated or unusable entry. The message begins
            with file, line and column.
    """
    path = Path(path)
    marks: _Marks = {}
    try:
        node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
        if node is None:
            raise ValueError(f"{path}:1:1: the file is empty")
        return _read_plain(_plain(node, (), marks))
    except ConfigError as error:
        key, value = marks[error.path]
        raise ValueError(f"{_place(path, key if error.on_key else value)}: {error}") from error
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"{_place(path, error.problem_mark)}: {error.problem}") from error
    except yaml.YAMLError as error:  # not text at all: there is no line to name
        raise ValueError(f"{path}:1:1: {error}") from error


def _plain(node: yaml.Node, path: _FieldPath, marks: _Marks, key_mark: yaml.Mark | None = None) -> Any:
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


def _as_plain(config: VIOConfig) -> dict[str, Any]:
    data = dataclasses.asdict(config)
    data["stages"] = [{**stage, "blocks": list(stage["blocks"])} for stage in data["stages"]]
    return data


def _read_plain(data: Any) -> VIOConfig:
    config: VIOConfig = _build(VIOConfig, data, ())
    return config


def _build(kind: Any, data: Any, path: _FieldPath) -> Any:
    """Turn plain data into a value of the type that a field asks for."""
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _build_dataclass(kind, data, path)
    if get_origin(kind) is tuple and isinstance(data, (list, tuple)):
        return tuple(_build(get_args(kind)[0], item, (*path, i)) for i, item in enumerate(data))
    if kind is float and type(data) in (int, float) and math.isfinite(data):
        return float(data)
    if kind in (int, str) and type(data) is kind:  # not isinstance: True is no whole number
        return data
    raise ConfigError(path, f"expected {_words(kind)}, got {data!r}")


def _build_dataclass(kind: Any, data: dict[str, Any], path: _FieldPath) -> Any:
    hints = get_type_hints(kind)
    for name in data:
        if name not in hints:
            raise ConfigError((*path, name), f"unknown key{_nearest(name, hints)}", on_key=True)
    for field in dataclasses.fields(kind):
        if field.name not in data and field.default is dataclasses.MISSING:
            raise ConfigError(path, f"{field.name!r} is missing")
    values = {name: _build(hints[name], value, (*path, name)) for name, value in data.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        # A value that takes its default stands nowhere: then the error belongs to the whole.
        given = error.path[0] in data
        raise ConfigError((*path, *error.path) if given else path, error.message if given else str(error)) from error


def _require_positive(config: Any, *names: str) -> None:
    for name in names:
        if getattr(config, name) <= 0:
            raise ConfigError((name,), f"must be above 0, got {getattr(config, name)}")


def _words(kind: Any) -> str:
    if dataclasses.is_dataclass(kind):
        return "a mapping"
    if get_origin(kind) is tuple:
        return "a list"
    return {int: "a whole number", float: "a finite number", str: "a text"}[kind]


def _place(path: Path, mark: yaml.Mark | None) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}:1:1"


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known: {', '.join(sorted(known))}"
