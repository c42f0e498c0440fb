"""What there is to choose from, by kind, with a few words on each."""

from __future__ import annotations

from baselines.catalogue import in_words, size_classes
from baselines.mixer_models import MIXERS
from baselines.registry import Registry
from bench.devices import DEVICES
from bench.probes import PROBES
from bench.runtimes import RUNTIMES
from suites.suite_file import builtin_suites, load_suite
from suites.tasks import TASKS
from vio.configs import list_models, load_config

KINDS = ("suites", "models", "devices", "runtimes", "tasks", "metrics")

_ABOUT = {
    "cpu": "this machine's processor",
    "cuda": "an NVIDIA (or ROCm) GPU",
    "mps": "an Apple GPU",
    "eager": "PyTorch, operator by operator",
    "params": "parameters, exactly",
    "macs": "multiply-accumulates by two counters, FLOPs, coverage",
    "latency": "one call, warm, with interval",
    "throughput": "images or sequences a second, back to back",
    "peak_memory": "live tensors exactly, and the device's own peak",
    "streaming": "bytes kept between tokens, and whether a stream gives the whole sequence's answer",
    "step_latency": "one more token of a stream, warm, with interval",
    "training_memory": "live tensors of a training step, with and without recomputation; error under bfloat16",
    "standalone": "whether torch and PyYAML are all it needs, and their bytes on disk",
    "torchscript": "error of a trace, at its size and at another",
    "export": "error of what torch.export captures, at its size and at another",
    "onnx": "error of the ONNX file in ONNX Runtime, its bytes and operators",
    "accuracy": "trained from scratch under the suite's recipe: top-1, top-5, macro-F1, calibration, training time",
    "embeddings": "of the trained model's features: accuracy of nearest neighbours, and of a linear probe",
    "sgemm_share": "MACs a second over those of a large matrix product, timed in turn",
}


def listing(kind: str, every: bool = False) -> dict[str, str]:
    """Names of one kind and what they are; with ``every``, models that timm knows beyond the size classes too."""
    if kind == "suites":
        return {name: load_suite(name).suite.question for name in builtin_suites()}
    if kind == "models":
        return _models(every)
    if kind == "tasks":
        return {name: TASKS.load(name).info.about for name in TASKS}
    registries: dict[str, Registry[object]] = {
        "devices": DEVICES,
        "runtimes": RUNTIMES,
        "metrics": PROBES,
    }
    return {name: _ABOUT.get(name, "from a plug-in") for name in registries[kind]}


def _models(every: bool) -> dict[str, str]:
    found = {e.name: f"{size}, {e.family}" for size, entries in size_classes().items() for e in entries}
    found |= {name: f"{in_words(load_config(name).input_shape)}, vio" for name in list_models() if name not in found}
    found |= {name: f"token mixer: {mixer.about}" for name, mixer in MIXERS.items()}
    if every:
        from baselines.timm_models import all_names

        found |= {name: "timm" for name in all_names() if name not in found}
    return found
