"""Where a model runs: one file a device, each with its own way to synchronise, to time and to read memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from baselines.registry import Registry
from bench.job import Findings


class Device(Protocol):
    """A place to run. Importing one needs torch but not the device."""

    torch_name: str
    """What ``torch.device`` takes."""

    def unavailable(self) -> str | None:
        """Why it can't be used here and what to do; None where it can."""

    def timed(self, call: Callable[[], object]) -> float:
        """Run ``call`` to its end and return its seconds on this device."""

    def synchronize(self) -> None:
        """Wait until everything submitted has ended."""

    def prepare_for_memory(self) -> None:
        """What must be done before the model is built, for its peaks to be steady; never where time is read."""

    def prepare_for_timing(self) -> None:
        """What must be done before the model is built, for its times not to hang on chance."""

    def peak_memory(self, call: Callable[[], object]) -> Findings:
        """The peaks that ``call`` reaches beyond what is held before it, as this device counts them."""


DEVICES: Registry[Device] = Registry(
    "device",
    {
        "cpu": "bench.devices.cpu:DEVICE",
        "cuda": "bench.devices.cuda:DEVICE",
        "mps": "bench.devices.mps:DEVICE",
    },
)
