"""An ONNX file: written from a subject, counted, and run by ONNX Runtime."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import nn

from bench.exported_program import captured
from bench.parity import Exported, Trials
from bench.subject import Subject

_PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"}
_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass(frozen=True)
class OnnxFile:
    """What was written."""

    path: Path
    size: int
    """Bytes on disk, of weights in files of their own too."""
    nodes: int
    """Operators of the graph."""
    products: int
    """Convolutions and matrix products among them."""
    numbers: int
    """Numbers that the file keeps: weights, and what was computed from them in advance."""

    @classmethod
    def write(cls, subject: Subject, trials: Trials, folder: Path) -> OnnxFile:
        """Export ``subject`` into ``folder``. Raises what `torch.export` and the translation raise."""
        path = folder / "model.onnx"
        torch.onnx.export(captured(subject, trials), (), path, dynamo=True, verbose=False)
        size = sum(file.stat().st_size for file in folder.iterdir())
        graph = onnx.load(path, load_external_data=False).graph
        products = sum(node.op_type in _PRODUCTS for node in graph.node)
        return cls(path, size, len(graph.node), products, sum(math.prod(kept.dims) for kept in graph.initializer))

    @staticmethod
    def layers_of(model: nn.Module) -> int:
        """Layers whose weights make a product in a graph that has lost none of them."""
        return sum(isinstance(module, _LAYERS) for module in model.modules())

    def session(self, threads: int) -> Exported:
        """A call that runs the file on the CPU. Raises what ONNX Runtime raises."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()

        def run(example: torch.Tensor) -> torch.Tensor:
            (output,) = session.run(None, {entry.name: example.cpu().numpy()})
            return torch.from_numpy(output).to(example.device)

        return run
