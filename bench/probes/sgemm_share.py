"""The share of this machine's sgemm peak that a call reaches, both measured in turn in one process."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from bench.contention import Contention
from bench.job import Findings, Pass
from bench.sampling import warm_up

if TYPE_CHECKING:
    from bench.subject import Subject

SIDE = 1024
"""Side of the three square float32 matrices, 4 MiB each."""


class SgemmShareProbe:
    """Alternates the call and a large matrix product, so that drift of the machine hits both alike.

    MACs are those of ``macs`` (FlopCounterMode): every matrix product and convolution that the call runs, of the
    backward too where it runs one, and nothing elementwise. So the share says how much of the time goes to anything
    but products; a form that needs more MACs for the same result is not a better one for its share.
    """

    run_in: Pass = "time"

    def read(self, subject: Subject) -> Findings:
        """``sgemm_share``: MACs a second of the call over those of the product; ``sgemm_rate`` in MACs a second.

        The MACs are taken from the exact pass, or counted here where the suite does not ask for them.
        """
        job, device = subject.job, subject.device
        product = _product(device.torch_name)
        product_s = _warm(lambda: device.timed(product), job.protocol.warmup_cap_s)
        subject.call()
        calls = max(1, round(product_s / device.timed(subject.call)))  # as long together as one product

        def window() -> None:
            for _ in range(calls):
                subject.call()

        products, windows = [device.timed(product)], list[float]()
        with Contention("sgemm_share") as contention:
            while len(windows) < job.min_samples or sum(products) + sum(windows) < job.time_slice_s:
                windows.append(device.timed(window))
                products.append(device.timed(product))
        macs = _macs(subject)
        rates = [SIDE**3 * 2 / (before + after) for before, after in pairwise(products)]
        shares = [macs * calls / seconds / rate for seconds, rate in zip(windows, rates, strict=True)]
        found = Findings()
        method = f"{calls} call(s) and a {SIDE}x{SIDE}x{SIDE} product in float32, in turn"
        found.sampled("sgemm_share", shares, "1", f"{method}, {macs:,.0f} MACs a call")
        found.sampled("sgemm_rate", rates, "1/s", method)
        found.warnings += contention.warnings()
        return found


def _warm(timed: Callable[[], float], cap_s: float) -> float:
    """Seconds of one call once it is warm."""
    warmed = warm_up(timed, cap_s)
    return (warmed.seconds - warmed.first_s) / (warmed.calls - 1)


def _macs(subject: Subject) -> float:
    """MACs of one call; counting comes after the timing, which it would disturb."""
    from bench.mac_counters import count_by_dispatcher

    if "macs" in subject.job.known:
        return subject.job.known["macs"]
    return count_by_dispatcher(subject.model, subject.example, backward=subject.backward).macs


def _product(device: str) -> Callable[[], torch.Tensor]:
    left, right = (torch.randn(SIDE, SIDE, device=device) for _ in range(2))
    out = torch.empty(SIDE, SIDE, device=device)

    def product() -> torch.Tensor:
        with torch.inference_mode():
            return torch.mm(left, right, out=out)

    return product


PROBE = SgemmShareProbe()
