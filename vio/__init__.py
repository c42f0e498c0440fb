"""VIO: models that mix tokens by convolution, state-space scan and attention on a budget.

    >>> import vio
    >>> vio.list_models()[:3]
    ['mambavision_base', 'mambavision_small', 'mambavision_tiny']
    >>> model = vio.create_model("vio_tiny", num_classes=10)  # images, any height and width from 32 px
    >>> logits = model(torch.randn(1, 3, 224, 320))
    >>> stream = vio.create_model("vio_seq_mamba").eval()  # sequences, whole or token by token
    >>> y, state = stream.step(torch.randn(1, 5), stream.init_state(1))

Scans and blocks are here by name too. Importing this package is cheap: torch is imported when a model or a scan is
first asked for (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vio.attention import SelfAttention as SelfAttention
    from vio.configs import list_models as list_models
    from vio.hybrid import Hybrid as Hybrid
    from vio.latent_readout import LatentReadout as LatentReadout
    from vio.mamba_block import MambaBlock as MambaBlock
    from vio.model import VIO as VIO
    from vio.pretrained import from_pretrained as from_pretrained
    from vio.registry import create_model as create_model
    from vio.router import RoutedBlock as RoutedBlock
    from vio.router import TokenRouter as TokenRouter
    from vio.scan import selective_scan as selective_scan
    from vio.scan import selective_step as selective_step
    from vio.scan import ssd as ssd
    from vio.scan import ssd_noncausal as ssd_noncausal
    from vio.scan import ssd_step as ssd_step
    from vio.sequence import VIO1D as VIO1D
    from vio.tokens import length_mask as length_mask
    from vio.transformer_block import TransformerBlock as TransformerBlock

_HOMES = {
    "Hybrid": "vio.hybrid",
    "LatentReadout": "vio.latent_readout",
    "MambaBlock": "vio.mamba_block",
    "RoutedBlock": "vio.router",
    "SelfAttention": "vio.attention",
    "TokenRouter": "vio.router",
    "TransformerBlock": "vio.transformer_block",
    "VIO": "vio.model",
    "VIO1D": "vio.sequence",
    "create_model": "vio.registry",
    "from_pretrained": "vio.pretrained",
    "length_mask": "vio.tokens",
    "list_models": "vio.configs",
    "selective_scan": "vio.scan",
    "selective_step": "vio.scan",
    "ssd": "vio.scan",
    "ssd_noncausal": "vio.scan",
    "ssd_step": "vio.scan",
}

__all__ = [
    "VIO",
    "VIO1D",
    "Hybrid",
    "LatentReadout",
    "MambaBlock",
    "RoutedBlock",
    "SelfAttention",
    "TokenRouter",
    "TransformerBlock",
    "create_model",
    "from_pretrained",
    "length_mask",
    "list_models",
    "selective_scan",
    "selective_step",
    "ssd",
    "ssd_noncausal",
    "ssd_step",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
