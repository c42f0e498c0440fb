"""What would make timings untrustworthy here, each with what to do about it. Needs no root, changes nothing."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from bench.fingerprint import governor, load
from suites.schema import Strict

OK, CAUTION, UNFIT = "ok", "caution", "unfit"
_CPU = Path("/sys/devices/system/cpu")
_SPINS, _SPIN_LOOPS = 60, 60_000


class Check(Strict):
    """One thing that was looked at."""

    name: str
    """What."""
    level: str
    """`ok`, `caution` (figures get wider) or `unfit` (don't trust a timing)."""
    seen: str
    """What was seen."""
    advice: str = ""
    """What to do about it."""


def examine() -> list[Check]:
    """All checks, in about two seconds."""
    use = psutil.cpu_times_percent(interval=1.0)
    checks: list[Callable[[], Check]] = [
        lambda: check_use(100 - use.idle - getattr(use, "iowait", 0.0), load()),
        lambda: check_steal(getattr(use, "steal", 0.0)),
        lambda: check_jitter(spin_times()),
        lambda: check_cores(psutil.cpu_count(logical=False) or os.cpu_count() or 1),
        lambda: check_governor(governor()),
        lambda: check_turbo(_read("intel_pstate/no_turbo"), _read("cpufreq/boost")),
        lambda: check_throttling(_throttled()),
        lambda: check_swap(psutil.swap_memory().used),
        lambda: check_memory(psutil.virtual_memory().available),
    ]
    return [check() for check in checks]


def check_use(percent: float, load_average: float) -> Check:
    """Other programs: the share of all CPUs that was busy over one second."""
    seen = f"{percent:.0f} % of the CPUs busy over one second, load average {load_average}"
    level = OK if percent < 10 else CAUTION if percent < 40 else UNFIT
    return _check("other programs", level, seen, "close what runs beside it: see 'top'")


def check_steal(percent: float) -> Check:
    """CPU time that a hypervisor gave to others."""
    level = OK if percent < 1 else CAUTION if percent < 10 else UNFIT
    return _check("stolen time", level, f"{percent:.1f} %", "the host is shared: trust ratios only")


def check_jitter(times: list[float]) -> Check:
    """How much the same work differs from one time to the next."""
    ordered = sorted(times)
    spread = (ordered[int(0.9 * len(ordered))] - ordered[int(0.1 * len(ordered))]) / statistics.median(ordered)
    level = OK if spread < 0.05 else CAUTION if spread < 0.4 else UNFIT
    seen = f"the same loop's time spreads by {spread:.0%} (10th to 90th percentile of {len(times)})"
    return _check("jitter", level, seen, "wait until the machine is quiet, or move to a quieter one")


def check_cores(cores: int) -> Check:
    """Whether anything is left for the system while two threads are timed."""
    level = UNFIT if cores < 2 else CAUTION if cores < 4 else OK
    return _check("cores", level, f"{cores} physical", "with --threads 1 a core is left to the system")


def check_governor(name: str | None) -> Check:
    """Who sets the clock."""
    if name is None:
        return _check("governor", CAUTION, "not visible (a virtual machine?)", "trust ratios only")
    level = OK if name == "performance" else CAUTION
    return _check("governor", level, name, "as root: cpupower frequency-set -g performance")


def check_turbo(no_turbo: str | None, boost: str | None) -> Check:
    """Whether the clock may exceed its base frequency, which it does only while it is cool."""
    if no_turbo is None and boost is None:
        return _check("turbo", OK, "no control visible", "")
    on = no_turbo == "0" or boost == "1"
    advice = "as root: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo (or echo 0 > .../cpufreq/boost)"
    return _check("turbo", CAUTION if on else OK, "on" if on else "off", advice)


def check_throttling(count: int | None) -> Check:
    """How often the CPU has slowed itself down for heat since boot."""
    if count is None:
        return _check("throttling", OK, "no counter visible", "")
    return _check("throttling", CAUTION if count else OK, f"{count} times since boot", "improve cooling")


def check_swap(used_bytes: int) -> Check:
    """Swapped-out memory comes back in the middle of a measurement."""
    level = OK if used_bytes < 64 * 2**20 else CAUTION
    return _check("swap", level, f"{used_bytes / 2**20:.0f} MiB in use", "free memory, then swapoff -a and swapon -a")


def check_memory(available_bytes: int) -> Check:
    """Room for the models."""
    gib = available_bytes / 2**30
    level = UNFIT if gib < 1 else CAUTION if gib < 4 else OK
    return _check("memory", level, f"{gib:.1f} GiB available", "close what uses memory, or run smaller sizes")


def spin_times() -> list[float]:
    """Seconds of a fixed loop, run again and again for about a fifth of a second."""
    times = []
    for _ in range(_SPINS):
        start = time.perf_counter()
        for _ in range(_SPIN_LOOPS):
            pass
        times.append(time.perf_counter() - start)
    return times


def _check(name: str, level: str, seen: str, advice: str) -> Check:
    return Check(name=name, level=level, seen=seen, advice="" if level == OK else advice)


def _read(name: str) -> str | None:
    try:
        return (_CPU / name).read_text().strip()
    except OSError:
        return None


def _throttled() -> int | None:
    counts = [_read(f"cpu{cpu}/thermal_throttle/core_throttle_count") for cpu in range(os.cpu_count() or 1)]
    seen = [int(count) for count in counts if count is not None]
    return sum(seen) if seen else None
