"""The probes: one file a metric. A new metric is one new file and one entry here (or an entry point)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from baselines.registry import Registry
from bench.job import Findings, Pass

if TYPE_CHECKING:
    from bench.subject import Subject


class Probe(Protocol):
    """Reads one metric (perhaps as several figures) off a subject."""

    run_in: Pass
    """The pass whose process it may run in; only timing is repeated over several processes."""

    def read(self, subject: Subject) -> Findings:
        """Measure ``subject``. Whatever it raises becomes the cell's status and reason."""


PROBES: Registry[Probe] = Registry(
    "metric",
    {  # in the order they are asked: memory before macs, whose trace runs the model and leaves the heap in pieces
        "params": "bench.probes.params:PROBE",
        "peak_memory": "bench.probes.peak_memory:PROBE",
        "macs": "bench.probes.macs:PROBE",
        "streaming": "bench.probes.streaming:PROBE",
        "training_memory": "bench.probes.training_memory:PROBE",
        "standalone": "bench.probes.standalone:PROBE",
        "torchscript": "bench.probes.torchscript:PROBE",
        "export": "bench.probes.export:PROBE",
        "onnx": "bench.probes.onnx:PROBE",
        "latency": "bench.probes.latency:PROBE",
        "step_latency": "bench.probes.step_latency:PROBE",
        "throughput": "bench.probes.throughput:PROBE",
        "sgemm_share": "bench.probes.sgemm_share:PROBE",
        "accuracy": "bench.probes.accuracy:PROBE",
        "embeddings": "bench.probes.embeddings:PROBE",  # after accuracy, whose model it reads
    },
)
