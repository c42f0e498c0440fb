"""A user's own model: ``package.module:factory``, a callable that returns an ``nn.Module``.

It is called without arguments to be measured, and to be trained on a task with ``num_classes`` and ``in_chans`` (for
tokens that are whole numbers ``vocab_size``).
"""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from baselines.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from baselines.catalogue import Head


class UserSource:
    """Factories in modules that Python can import; the working directory is on the path, as with ``python -m``."""

    def names(self) -> list[str]:
        """None: only its user knows."""
        return []

    def find(self, name: str) -> str | None:
        """``user`` where ``name`` has the form ``package.module:factory`` and imports; ``UsageError`` where not."""
        if ":" not in name:
            return None
        _factory(name)
        return "user"

    def takes(self, name: str) -> None:
        """Only its user knows: any input may be tried."""

    def config(self, name: str, family: str, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """The digest of the module's source: a factory takes no arguments, but its code decides the result."""
        return {"source": _digest(name)}

    def task_config(self, name: str, family: str, shape: tuple[int, ...], head: Head) -> dict[str, Any]:
        """The digest, and what the factory is told of the task."""
        told = {"in_chans": head.channels} if head.vocabulary is None else {"vocab_size": head.vocabulary}
        return {**self.config(name, family, shape), "num_classes": head.classes, **told}

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """What the factory returns. Raises ``UsageError`` where its module changed since the cell was planned."""
        arguments = dict(config)
        if arguments.pop("source") != _digest(name):
            raise UsageError(f"model '{name}': its module changed since the run was planned; start a new run")
        return _factory(name)(**arguments)


def _digest(name: str) -> str | None:
    """The first 16 hex digits of the SHA-256 of the module's file; None where it has none."""
    _factory(name)
    file = sys.modules[name.partition(":")[0]].__file__
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else None


def _factory(name: str) -> Callable[..., nn.Module]:
    module_name, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # it may fail in any way, and every way is the user's to mend
        raise UsageError(
            f"model '{name}': importing {module_name} failed with {type(error).__name__}: {error}; "
            f"run python -c 'import {module_name}' in this directory to see where"
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise UsageError(f"model '{name}': {module_name} has no callable '{attribute}'; write package.module:factory")
    return cast("Callable[..., nn.Module]", factory)


SOURCE = UserSource()
