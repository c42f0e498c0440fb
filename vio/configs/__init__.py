"""What each model is made of, as plain data: YAML files, and one dataclass an architecture. Nothing needs torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vio.configs.reader import ConfigError, build, nearest, plain, read_yaml

if TYPE_CHECKING:
    from vio.configs.base import ModelConfig

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Architecture:
    """Where an architecture's two halves are, as `module:attribute`."""

    config: str
    model: str


ARCHITECTURES = {
    "vio": Architecture("vio.configs.v3:VIOConfig", "vio.model:VIO"),
    "hybrid": Architecture("vio.configs.hybrid:HybridConfig", "vio.hybrid:Hybrid"),
    "mambavision": Architecture("vio.configs.mambavision:MambaVisionConfig", "vio.mambavision:MambaVision"),
    "vio_1d": Architecture("vio.configs.sequence:VIO1DConfig", "vio.sequence:VIO1D"),
    "vio_v1": Architecture("vio.configs.ancestors:VIOv1Config", "vio.ancestors:VIOv1"),
    "vio_v2": Architecture("vio.configs.ancestors:VIOv2Config", "vio.ancestors:VIOv2"),
}
"""Every architecture by the name that a YAML file gives under `architecture`. A new one is one entry here."""


def list_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_config(name: str) -> ModelConfig:
    """Configuration of a named model.

    Raises:
        ValueError: there is no such model; the message suggests the nearest name.
    """
    names = list_models()
    if name not in names:
        raise ValueError(f"unknown model {name!r}{nearest(name, names)}")
    return read_config(_FOLDER / f"{name}.yaml")


def config_dict(name: str) -> dict[str, Any]:
    """Configuration of a named model as dicts, lists, numbers and strings, every default filled in."""
    return as_dict(load_config(name))


def takes_images(name: str) -> bool:
    """Whether a named model is a `vio.backbone.Backbone`; the others take sequences."""
    return len(load_config(name).input_shape) == 4


def as_dict(config: ModelConfig) -> dict[str, Any]:
    """A configuration as plain data, its architecture first: what `parse_config` takes back."""
    return {"architecture": config.architecture, **plain(config)}


def override(config: ModelConfig, **changes: Any) -> ModelConfig:
    """A copy of a configuration with some values replaced, as plain data: what `config_dict` gives is taken back.

    Raises:
        ValueError: an unknown name, or a value of the wrong type or out of range.
    """
    if changes.get("architecture", config.architecture) != config.architecture:
        raise ConfigError(("architecture",), f"is {config.architecture!r}, and can't be overridden")
    return parse_config({**as_dict(config), **changes})


def read_config(path: str | Path) -> ModelConfig:
    """Read a model's YAML file.

    Raises:
        ValueError: the file is not YAML, or has an unknown, missing, repeated or unusable entry. The message begins
            with file, line and column.
    """
    return read_yaml(Path(path), parse_config)


def parse_config(data: Any) -> ModelConfig:
    """A configuration from plain data whose `architecture` says which dataclass it is.

    Raises:
        ConfigError: an unknown, missing or unusable entry.
    """
    if not isinstance(data, dict):
        raise ConfigError((), f"expected a mapping, got {data!r}")
    if "architecture" not in data:
        raise ConfigError((), "'architecture' is missing")
    name = data["architecture"]
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ConfigError(("architecture",), f"unknown architecture {name!r}{nearest(str(name), ARCHITECTURES)}")
    kind = load_attribute(ARCHITECTURES[name].config)
    return cast("ModelConfig", build(kind, {key: value for key, value in data.items() if key != "architecture"}))


def load_attribute(place: str) -> Any:
    """What stands at `module:attribute`."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
