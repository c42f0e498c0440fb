"""What every kind of workload is described with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

PATCH = 16
"""Side in pixels of the square that counts as one token, the same for every family."""

Layout = Literal["contiguous", "channels_last"]
Source = Literal["photo", "noise"]
Mode = Literal["forward", "forward_backward"]
Positive = Annotated[int, Field(ge=1, le=2**20, strict=True)]
Pixels = Annotated[int, Field(ge=16, le=16384, strict=True)]
