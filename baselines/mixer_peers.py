"""Other people's pure-PyTorch Mamba layers as token mixers, with an inner width of C like ours.

Both packages are for comparison only: a missing one is ``NotInstalled``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from torch import nn

from baselines.errors import NotInstalled


def mambapy(width: int, state_size: int) -> nn.Module:
    """The Mamba block of https://github.com/alxndrTL/mamba.py, which scans by Blelloch's parallel algorithm (pscan)."""
    module = _import("mambapy.mamba", "mambapy")
    block: nn.Module = module.MambaBlock(
        module.MambaConfig(d_model=width, n_layers=1, d_state=state_size, expand_factor=1)
    )
    return block


def transformers_mamba(width: int, state_size: int) -> nn.Module:
    """The Mamba mixer of Hugging Face transformers without kernels: a Python step a token."""
    package = _import("transformers", "transformers")
    config = package.MambaConfig(hidden_size=width, state_size=state_size, expand=1, num_hidden_layers=1)
    mixer: nn.Module = _import("transformers.models.mamba.modeling_mamba", "transformers").MambaMixer(config, 0)
    return mixer


def transformers_mamba2(width: int, head_width: int, state_size: int) -> nn.Module:
    """The Mamba-2 mixer of Hugging Face transformers without kernels: the paper's chunked listing."""
    package = _import("transformers", "transformers")
    config = package.Mamba2Config(
        hidden_size=width,
        num_heads=width // head_width,
        head_dim=head_width,
        state_size=state_size,
        expand=1,
        n_groups=1,
        num_hidden_layers=1,
    )
    mixer: nn.Module = _import("transformers.models.mamba2.modeling_mamba2", "transformers").Mamba2Mixer(config, 0)
    return mixer


def _import(module: str, package: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise NotInstalled(f"{package} can't be imported ({error}); pip install {package}") from error
