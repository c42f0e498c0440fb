"""A cell: the unit that is run, isolated and compared, and the hash that identifies it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field

from suites.schema import Strict
from suites.terms import Positive
from suites.workload import Workload

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class Cell(Strict):
    """One model x workload x device x runtime x precision x threads x seed."""

    model: str
    """The model's name: VIO's, timm's, or `package.module:factory`."""
    config: dict[str, Any]
    """The arguments that the model is built with; part of what decides the result."""
    workload: Workload
    """The input."""
    device: str
    """Where it runs: `cpu`, `cuda`, `mps`."""
    runtime: str = "eager"
    """What executes it."""
    precision: Precision = "fp32"
    """Number format of weights and input."""
    threads: Positive
    """Threads inside an operator, in every runtime."""
    seed: Seed = 0
    """Seed of the weights and of any random input."""

    @property
    def label(self) -> str:
        """The cell in a few words, for progress lines and errors."""
        return f"{self.model} @ {self.workload.label}"

    @property
    def block(self) -> str:
        """Cells of one block are compared with each other, so their processes are interleaved."""
        return f"{self.workload.block}-{self.device}-t{self.threads}"


_IDENTITY_VERSION = 2


def identity(cell: Cell) -> str:
    """The content hash of everything that decides a cell's result: 16 hex digits of SHA-256, versioned.

    Canonical JSON (sorted keys, no spaces) of every field of the cell. The plan and the record both call this, so
    a record whose stored identity differs was altered.
    """
    content = {"identity_version": _IDENTITY_VERSION, **cell.model_dump(mode="json")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
