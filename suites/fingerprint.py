"""The machine a record was taken on: enough to judge a figure and to tell two machines apart."""

from __future__ import annotations

import hashlib
import json

from suites.schema import SCHEMA_VERSION, Moment, Strict


class Gpu(Strict):
    """One accelerator."""

    name: str
    """The vendor's name."""
    memory_bytes: int
    """Total device memory in bytes."""
    driver: str
    """Driver version."""
    clock_mhz: int | None
    """Current clock of the multiprocessors in MHz."""
    clock_max_mhz: int | None
    """Highest clock of the multiprocessors in MHz."""


class Machine(Strict):
    """What stays the same while a run lasts; its hash is the fingerprint's id."""

    cpu: str
    """CPU model."""
    architecture: str
    """Instruction set, e.g. x86_64."""
    cores: int
    """Physical cores."""
    logical_cpus: int
    """Logical CPUs of the machine."""
    affinity: list[int]
    """Logical CPUs that the run may use."""
    frequency_max_mhz: float | None
    """Highest frequency; none where the system does not say (a virtual machine)."""
    governor: str | None
    """Frequency governor; none where there is none to see."""
    ram_bytes: int
    """Main memory in bytes."""
    cgroup_memory_bytes: int | None
    """Memory limit of the control group; none where unlimited."""
    cgroup_cpus: float | None
    """CPU quota of the control group in CPUs; none where unlimited."""
    gpus: list[Gpu]
    """Accelerators."""
    os: str
    """Operating system and kernel."""
    libc: str
    """C library, whose allocator decides the resident-set figures."""
    python: str
    """Python version."""
    packages: dict[str, str]
    """Versions of the packages that decide a result."""
    commit: str | None
    """Commit of vio-bench, `+dirty` where the tree differed; none outside a checkout."""

    @property
    def id(self) -> str:
        """12 hex digits of SHA-256 over all but the current GPU clock, which moves."""
        content = self.model_dump(mode="json")
        for gpu in content["gpus"]:
            del gpu["clock_mhz"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


class Session(Strict):
    """One time that `run` or `run --resume` worked in the folder."""

    machine: str
    """Id of the machine."""
    started: Moment
    """When it began."""
    ended: Moment | None
    """When it ended; none while it runs, or where it was killed."""
    load_start: float
    """Load average over a minute at the start."""
    load_end: float | None
    """Load average over a minute at the end."""
    frequency_start_mhz: float | None
    """Mean current CPU frequency at the start."""
    frequency_end_mhz: float | None
    """Mean current CPU frequency at the end."""


class Environment(Strict):
    """environment.json: every machine that took part, by id, and each session."""

    schema_version: int = SCHEMA_VERSION
    """Version of this form."""
    machines: dict[str, Machine]
    """Machines by id."""
    sessions: list[Session]
    """Sessions in order of time."""
