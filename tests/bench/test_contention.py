from __future__ import annotations

import subprocess
import sys
import time

from bench.contention import Contention


def test_other_programs_are_noticed() -> None:
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        with Contention("latency") as contention:
            time.sleep(1.0)
    finally:
        spin.kill()
        spin.wait()
    (warning,) = contention.warnings()
    assert (warning.kind, warning.metric) == ("busy_machine", "latency")
    assert warning.evidence["others_share"] > 0.1


def test_own_work_is_not_charged_to_others() -> None:
    with Contention("latency") as contention:
        end = time.perf_counter() + 0.5
        while time.perf_counter() < end:
            pass
    assert contention.others < 0.9  # of all CPUs; its own share is taken off
