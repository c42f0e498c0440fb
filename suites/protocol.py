"""How long and how well a suite measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from suites.schema import Strict

Seconds = Annotated[float, Field(gt=0, le=86400)]


class Protocol(Strict):
    """The stop rule of timed metrics, and the limits of every cell."""

    target: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Half-width of the median's interval, relative to the median, at which sampling stops."""
    processes: Annotated[int, Field(ge=1, le=64)] = 6
    """Processes that a timed metric is sampled from. From six on the interval reaches 95 %; an even number cancels
    linear drift between the models of a block."""
    time_cap_s: Seconds = 6.0
    """Seconds of sampling a cell and timed metric, shared evenly by the processes; each stops earlier once its own
    interval reaches the target, but not within its first 0.3 s."""
    warmup_cap_s: Seconds = 5.0
    """Seconds of warm-up a process, after which it samples though not stationary, and warns."""
    timeout_s: Seconds = 300.0
    """Seconds that one process may live."""
    memory_limit_gib: Annotated[float, Field(gt=0)] | None = None
    """Memory a process may allocate on the CPU; by default 90 % of what is available when it starts."""
