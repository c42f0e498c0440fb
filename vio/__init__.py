"""VIO: vision backbones that mix tokens by convolution, state-space scan and attention on a budget.

    >>> import vio
    >>> vio.list_models()
    ['vio_nano', 'vio_tiny']
    >>> model = vio.create_model("vio_tiny", num_classes=10)

Importing this package is cheap: torch is imported when a model or the scan is first asked for (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vio.config import list_models as list_models
    from vio.model import VIO as VIO
    from vio.model import create_model as create_model
    from vio.scan import ssd as ssd
    from vio.scan import ssd_step as ssd_step

_HOMES = {
    "VIO": "vio.model",
    "create_model": "vio.model",
    "list_models": "vio.config",
    "ssd": "vio.scan",
    "ssd_step": "vio.scan",
}

__all__ = ["VIO", "create_model", "list_models", "ssd", "ssd_step"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
