"""What carries a job to a process and its outcome back: one file an executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from baselines.registry import Registry
from bench.job import Job, Outcome, Told


class Executor(Protocol):
    """Carries out one job at a time, each in a process of its own."""

    def execute(self, job: Job, on_told: Callable[[Told], None] = lambda _: None) -> Outcome:
        """Run ``job`` to its end, and pass on what it tells. Never raises for what happens inside it: that is the
        outcome's status.

        Returns without having used CPU time in between. A ``KeyboardInterrupt`` ends the process and goes through.
        """


EXECUTORS: Registry[type[Executor]] = Registry("executor", {"local": "bench.executors.local:LocalExecutor"})
