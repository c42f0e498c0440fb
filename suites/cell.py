"""A cell: the unit that is run, isolated and compared, and the hash that identifies it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field

from suites.schema import Strict

PATCH = 16
"""Side in pixels of the square that counts as one token, the same for every family."""

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Layout = Literal["contiguous", "channels_last"]
Positive = Annotated[int, Field(ge=1, le=2**20, strict=True)]
Pixels = Annotated[int, Field(ge=16, le=16384, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class ImageWorkload(Strict):
    """A batch of images of one size, and how memory is laid out for it."""

    kind: Literal["image"] = "image"
    """What the input is."""
    batch: Positive = 1
    """Images in one forward."""
    height: Pixels
    """Height in pixels."""
    width: Pixels
    """Width in pixels."""
    source: Literal["photo", "noise"] = "photo"
    """`photo`: real photographs, resized; `noise`: standard normal."""
    layout: Layout = "contiguous"
    """Memory format of weights and input."""
    fuse: bool = False
    """Whether batch norms are folded into the layers before them."""

    @property
    def tokens(self) -> int:
        """Nominal sequence length: (H/16) * (W/16), the same for every family."""
        return (self.height // PATCH) * (self.width // PATCH)

    @property
    def label(self) -> str:
        """A few words for a person: size, batch, and what differs from the defaults."""
        side = f"{self.height} px" if self.height == self.width else f"{self.height}x{self.width} px"
        parts = [side, f"batch {self.batch}"]
        parts += ["noise"] if self.source == "noise" else []
        parts += [self.layout] if self.layout != "contiguous" else []
        parts += ["fused"] if self.fuse else []
        return ", ".join(parts)


Workload = ImageWorkload
"""Every kind of input; a second kind makes this a union discriminated by `kind`."""


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
    recipe: str | None = None
    """Training recipe; none where nothing is trained."""

    @property
    def label(self) -> str:
        """The cell in a few words, for progress lines and errors."""
        return f"{self.model} @ {self.workload.label}"

    @property
    def block(self) -> str:
        """Cells of one block are compared with each other, so their processes are interleaved."""
        w = self.workload
        return f"{w.kind}-{w.height}x{w.width}-b{w.batch}-{self.device}-t{self.threads}"


_IDENTITY_VERSION = 1


def identity(cell: Cell) -> str:
    """The content hash of everything that decides a cell's result: 16 hex digits of SHA-256, versioned.

    Canonical JSON (sorted keys, no spaces) of every field of the cell. The plan and the record both call this, so
    a record whose stored identity differs was altered.
    """
    content = {"identity_version": _IDENTITY_VERSION, **cell.model_dump(mode="json")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
