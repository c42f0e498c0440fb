"""A user's own model: ``package.module:factory``, a callable without arguments that returns an ``nn.Module``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from baselines.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class UserSource:
    """Factories in modules that Python can import; the working directory is on the path, as with ``python -m``."""

    def find(self, name: str) -> str | None:
        """``user`` where ``name`` has the form ``package.module:factory`` and imports; ``UsageError`` where not."""
        if ":" not in name:
            return None
        _factory(name)
        return "user"

    def config(self, name: str, family: str, height: int, width: int) -> dict[str, Any]:  # noqa: ARG002
        """Nothing: a factory takes no arguments."""
        return {}

    def build(self, name: str, config: dict[str, Any]) -> nn.Module:
        """What the factory returns."""
        return _factory(name)(**config)


def _factory(name: str) -> Callable[..., nn.Module]:
    module_name, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except Exception as error:  # a user's module may fail in any way; every way is the user's to mend
        raise UsageError(
            f"model '{name}': importing {module_name} failed with {type(error).__name__}: {error}; "
            f"run python -c 'import {module_name}' in this directory to see where"
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise UsageError(f"model '{name}': {module_name} has no callable '{attribute}'; write package.module:factory")
    return cast("Callable[..., nn.Module]", factory)


SOURCE = UserSource()
