"""Models on disk: a folder with `config.json` and `model.safetensors`. Nothing in it is ever executed."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vio.configs import ARCHITECTURES, as_dict, load_attribute, parse_config
from vio.configs.base import ModelConfig
from vio.fusion import fuse

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
_FORMAT = 1
_Model = TypeVar("_Model", bound="Pretrained")


class Pretrained(nn.Module):
    """A model that can be written to a folder and read back."""

    config: ModelConfig
    is_fused: bool = False

    def save_pretrained(self, folder: str | Path) -> None:
        """Write configuration and weights to a folder, which is made if need be. Each file is replaced at once.

        Raises:
            ImportError: the package safetensors is missing.
            ValueError: the model no longer has the parts that its configuration describes.
        """
        weights = {name: value.detach().contiguous() for name, value in self.state_dict().items()}
        with torch.device("meta"):
            _check_state(f"this {type(self).__name__}", weights, _build(self.config, fused=self.is_fused))
        description = json.dumps(
            {"format": _FORMAT, "fused": self.is_fused, "config": as_dict(self.config)}, indent=2, sort_keys=True
        )
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        data: bytes = _safetensors().save(weights, metadata={"vio": description})
        _write(folder / WEIGHTS_FILE, data)
        _write(folder / CONFIG_FILE, f"{description}\n".encode())

    @classmethod
    def from_pretrained(cls: type[_Model], folder: str | Path) -> _Model:
        """Read a model of this class that `save_pretrained` wrote; see `vio.from_pretrained`.

        Raises:
            ValueError: also where the folder holds a model of another class.
        """
        model = from_pretrained(folder)
        if not isinstance(model, cls):
            raise ValueError(f"{folder} holds a {type(model).__name__}, not a {cls.__name__}: use vio.from_pretrained")
        return model


def from_pretrained(folder: str | Path) -> Pretrained:
    """Read a model that `save_pretrained` wrote: in evaluation mode, float32, on torch's default device.

    Raises:
        ImportError: the package safetensors is missing.
        ValueError: a file is missing or damaged, the two do not belong together, the configuration has an unknown or
            unusable entry, or the weights are not those of the model that it describes.
    """
    folder = Path(folder)
    description = _read_description(folder / CONFIG_FILE)
    weights = _read_weights(folder / WEIGHTS_FILE, description)
    try:
        config = parse_config(description["config"])
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG_FILE}: {error}") from error
    with torch.device("meta"):  # a model of sizes that the weights do not have is never given memory
        try:
            described = _build(config, fused=description["fused"])
        except RuntimeError as error:
            raise ValueError(f"{folder / CONFIG_FILE}: no model can be built of it ({error})") from error
    _check_state(str(folder / WEIGHTS_FILE), weights, described)
    model = _build(config, fused=description["fused"])
    model.load_state_dict(weights)
    return model.eval()


def _build(config: ModelConfig, *, fused: bool) -> Pretrained:
    model: Pretrained = load_attribute(ARCHITECTURES[config.architecture].model)(config)
    if fused:
        fuse(model.eval())
        model.is_fused = True
    return model


def _check_state(owner: str, weights: dict[str, Tensor], model: nn.Module) -> None:
    """Raise `ValueError` unless names, shapes and kinds of numbers are those of the model."""
    wanted = model.state_dict()
    problems = [f"{name} is missing" for name in wanted if name not in weights]
    problems += [f"{name} is not a part of it" for name in sorted(weights) if name not in wanted]
    problems += [
        f"{name} has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in weights and weights[name].shape != value.shape
    ]
    problems += [
        f"{name} holds {weights[name].dtype} for {value.dtype}"
        for name, value in wanted.items()
        if name in weights and weights[name].is_floating_point() != value.is_floating_point()
    ]
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{owner} does not have the weights of the {type(model).__name__} that its configuration describes: "
            f"{', '.join(problems[:3])}{more}"
        )


def _read_description(path: Path) -> dict[str, Any]:
    description = _parse_description(path, _read(path))
    if description.get("format") != _FORMAT:
        raise ValueError(f"{path}: format {description.get('format')!r} is not {_FORMAT}: update vio to read it")
    if not isinstance(description.get("fused"), bool) or "config" not in description:
        raise ValueError(f"{path}: 'config' and 'fused' (true or false) are needed; save the model again")
    return description


def _parse_description(path: Path, text: bytes | str) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); save the model again") from error
    if not isinstance(description, dict):
        raise ValueError(f"{path}: expected a mapping, got {description!r}")
    return description


def _read_weights(path: Path, description: dict[str, Any]) -> dict[str, Tensor]:
    safetensors = _safetensors()
    data = _read(path)
    try:
        weights: dict[str, Tensor] = safetensors.load(data)
    except Exception as error:  # safetensors' own class of errors derives from Exception alone
        raise ValueError(f"{path}: not a whole safetensors file ({error}); save or copy it again") from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    saved_with = header.get("__metadata__", {}).get("vio")
    if saved_with is not None and _parse_description(path, saved_with) != description:
        raise ValueError(f"{path} was not saved with the {CONFIG_FILE} beside it; save the model again")
    return weights


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path} can't be read ({error.strerror}); is it a folder that save_pretrained wrote?"
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _safetensors() -> Any:
    try:
        return importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise ImportError("weights are kept in safetensors files: pip install safetensors") from error
