"""A linear map of channels gives the same by either library, and which one computes it hangs on the CPU alone."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import vio
from vio import pointwise
from vio.pointwise import MIN_PLACES, Pointwise

AMD = {"cpu_name": "AMD EPYC", "avx512_f": True}
INTEL = {"cpu_name": "Intel(R) Xeon(R)", "avx512_f": True}
SIDE = 1 + int(MIN_PLACES**0.5)


class Operators(TorchDispatchMode):
    """Names of the operators that ran."""

    def __enter__(self):
        self.names = set()
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def cpu(monkeypatch):
    """Makes this CPU one with such capabilities."""

    def become(capabilities):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
        pointwise._convolutions_are_faster.cache_clear()

    yield become
    pointwise._convolutions_are_faster.cache_clear()


def ran(layer, x):
    with Operators() as operators:
        layer(x)
    return "convolution" if "convolution" in operators.names else "product"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [(AMD, "convolution"), (AMD | {"avx512_f": False}, "product"), (INTEL, "product"), ({}, "product")],
)
def test_only_where_products_leave_the_widest_instructions_unused(cpu, capabilities, expected):
    cpu(capabilities)
    with torch.no_grad():
        assert ran(Pointwise(8, 4), torch.randn(1, SIDE, SIDE, 8)) == expected


def test_a_torch_that_says_nothing_of_its_cpu(monkeypatch, cpu):
    cpu({})
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    with torch.no_grad():
        assert ran(Pointwise(8, 4), torch.randn(1, SIDE, SIDE, 8)) == "product"


def test_never_for_few_places_other_numbers_or_recorded_gradients(cpu):
    cpu(AMD)
    layer = Pointwise(8, 4)
    assert ran(layer, torch.randn(1, SIDE, SIDE, 8)) == "product"
    with torch.no_grad():
        assert ran(layer, torch.randn(1, 3, 5, 8)) == "product"
        assert ran(layer.double(), torch.randn(1, SIDE, SIDE, 8).double()) == "product"


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_model_answers_the_same_either_way(cpu, memory_format, fused):
    torch.manual_seed(0)
    model = vio.create_model("vio_tiny", num_classes=10).eval()
    x = torch.randn(2, 3, 224, 320).contiguous(memory_format=memory_format)
    if fused:
        model.fuse()
    answers = []
    for capabilities in (AMD, INTEL):
        cpu(capabilities)
        with torch.inference_mode():
            answers.append(model(x))
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


def test_a_graph_is_the_same_on_every_cpu(cpu):
    cpu(AMD)
    layer, x = Pointwise(8, 4).eval(), torch.randn(1, SIDE, SIDE, 8)
    with torch.no_grad():
        graph = torch.export.export(layer, (x,)).graph
    assert not any("conv" in str(node.target) for node in graph.nodes)
