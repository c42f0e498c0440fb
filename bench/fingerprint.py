"""Reads the fingerprint of this machine. Nothing here imports torch: versions come from package metadata."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from suites.fingerprint import Gpu, Machine, Session
from suites.schema import now

_PACKAGES = (
    "vio-bench", "torch", "torchvision", "timm", "fvcore", "numpy", "mambapy", "transformers", "onnx", "onnxscript",
    "onnxruntime",
)  # fmt: skip
_GPU_FIELDS = "name,memory.total,driver_version,clocks.sm,clocks.max.sm"


def read_machine() -> Machine:
    """What is here, at this moment."""
    return Machine(
        cpu=_cpu_model(),
        architecture=platform.machine(),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        logical_cpus=os.cpu_count() or 1,
        affinity=sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        frequency_max_mhz=_frequency("max"),
        governor=governor(),
        ram_bytes=psutil.virtual_memory().total,
        cgroup_memory_bytes=cgroup_memory_bytes(),
        cgroup_cpus=_cgroup_cpus(),
        gpus=read_gpus(),
        os=f"{platform.system()} {platform.release()}",
        libc=" ".join(platform.libc_ver()).strip() or "unknown",
        python=platform.python_version(),
        packages=_versions(),
        commit=_commit(),
    )


def begin_session(machine: Machine) -> Session:
    """A session that starts now."""
    return Session(
        machine=machine.id,
        started=now(),
        ended=None,
        load_start=load(),
        load_end=None,
        frequency_start_mhz=_frequency("current"),
        frequency_end_mhz=None,
    )


def end_session(session: Session) -> Session:
    """The same session, ended now."""
    return session.model_copy(update={"ended": now(), "load_end": load(), "frequency_end_mhz": _frequency("current")})


def load() -> float:
    """Load average over the last minute."""
    return round(os.getloadavg()[0], 2)


def governor() -> str | None:
    """The frequency governor of the first CPU, where the system shows one."""
    return _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cgroup_memory_bytes() -> int | None:
    """The memory limit of the control group, version 2 or 1."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _text(path)
        if text and text.isdigit() and int(text) < psutil.virtual_memory().total:
            return int(text)
    return None


def read_gpus() -> list[Gpu]:
    """NVIDIA GPUs as their driver's own tool reports them; empty where it is not installed."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", f"--query-gpu={_GPU_FIELDS}", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if answer.returncode:
        return []
    return [_gpu(line) for line in answer.stdout.splitlines() if line.strip()]


def _gpu(line: str) -> Gpu:
    name, memory_mib, driver, clock, clock_max = (part.strip() for part in line.split(","))
    return Gpu(
        name=name,
        memory_bytes=int(float(memory_mib)) * 2**20,
        driver=driver,
        clock_mhz=int(clock) if clock.isdigit() else None,
        clock_max_mhz=int(clock_max) if clock_max.isdigit() else None,
    )


def _cpu_model() -> str:
    for line in (_text("/proc/cpuinfo") or "").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _frequency(kind: str) -> float | None:
    with suppress(Exception):  # psutil raises what the platform raises
        value = getattr(psutil.cpu_freq(), kind)
        return round(float(value), 1) if value else None
    return None


def _cgroup_cpus() -> float | None:
    quota, _, period = (_text("/sys/fs/cgroup/cpu.max") or "").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _commit() -> str | None:
    """The commit of the checkout this file stands in, if it is vio-bench's own."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists() or not shutil.which("git"):
        return None

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD")
    return f"{commit}+dirty" if commit and git("status", "--porcelain") else commit or None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None
