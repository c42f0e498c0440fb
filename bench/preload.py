"""Imported once by the forkserver: everything that every cell needs, so that a cell starts in milliseconds.

Nothing here may run an operator: forking after OpenMP has started threads deadlocks.
"""

from __future__ import annotations

import warnings

import sklearn.datasets  # noqa: F401
import timm  # noqa: F401
import torch  # noqa: F401
import typer  # noqa: F401  # multiprocessing imports the command's script again in every cell

import bench.cell_process
import bench.mac_counters
import bench.subject
import bench.tensor_memory  # noqa: F401
from bench.lifeline import die_with_parent

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # fvcore uses torch.jit.script
    import fvcore.nn  # noqa: F401

die_with_parent()
