"""A linear map of channels gives the same by either library, and who computes it depends on CPU and threads alone."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import vio
from vio import pointwise
from vio.pointwise import MIN_NUMBERS, Pointwise

AMD = {"cpu_name": "AMD EPYC", "avx512_f": True}
INTEL = {"cpu_name": "Intel(R) Xeon(R)", "avx512_f": True}
SIDE = 1 + int((MIN_NUMBERS / 8) ** 0.5)


class Operators(TorchDispatchMode):
    """How often each operator ran, by name."""

    def __enter__(self):
        self.ran = Counter()
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.ran[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def cpu(monkeypatch):
    """Makes this CPU one with such capabilities, of which torch uses so many threads."""
    before = torch.get_num_threads()

    def become(capabilities, threads=2):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
        pointwise._products_are_narrow.cache_clear()
        torch.set_num_threads(threads)

    yield become
    pointwise._products_are_narrow.cache_clear()
    torch.set_num_threads(before)


def ran(layer, x):
    with Operators() as operators:
        layer(x)
    return "convolution" if operators.ran["convolution"] else "product"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [(AMD, "convolution"), (AMD | {"avx512_f": False}, "product"), (INTEL, "product"), ({}, "product")],
)
def test_only_where_products_leave_the_widest_instructions_unused(cpu, capabilities, expected):
    cpu(capabilities)
    with torch.no_grad():
        assert ran(Pointwise(nn.Linear(8, 4)), torch.randn(1, SIDE, SIDE, 8)) == expected


def test_a_torch_that_says_nothing_of_its_cpu(monkeypatch, cpu):
    cpu({})
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    with torch.no_grad():
        assert ran(Pointwise(nn.Linear(8, 4)), torch.randn(1, SIDE, SIDE, 8)) == "product"


def test_never_for_small_maps_other_numbers_or_recorded_gradients(cpu):
    cpu(AMD)
    layer = Pointwise(nn.Linear(8, 4))
    assert ran(layer, torch.randn(1, SIDE, SIDE, 8)) == "product"
    with torch.no_grad():
        assert ran(layer, torch.randn(1, 3, 5, 8)) == "product"
        assert ran(layer.double(), torch.randn(1, SIDE, SIDE, 8).double()) == "product"


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:TF32")
def test_only_where_torch_gives_a_convolution_to_another_library(cpu):
    layer, x = Pointwise(nn.Linear(8, 4)), torch.randn(1, SIDE, SIDE, 8)
    cpu(AMD, threads=1)
    assert ran(layer, x) == "product"
    cpu(AMD)
    with torch.backends.mkldnn.flags(enabled=False):
        assert ran(layer, x) == "product"


@torch.no_grad()
def test_who_hooks_in_sees_the_linear_map(cpu):
    cpu(AMD)
    layer, seen = Pointwise(nn.Linear(8, 4)), []
    layer.linear.register_forward_hook(lambda module, inputs, output: seen.append(module))
    layer(torch.randn(1, SIDE, SIDE, 8))
    assert seen == [layer.linear]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_model_answers_the_same_either_way(cpu, memory_format, fused):
    torch.manual_seed(0)
    model = vio.create_model("vio_tiny", num_classes=10).eval()
    x = torch.randn(2, 3, 224, 320).contiguous(memory_format=memory_format)
    if fused:
        model.fuse()
    answers, convolutions = [], []
    for capabilities in (AMD, INTEL):
        cpu(capabilities)
        with torch.no_grad(), Operators() as operators:
            answers.append(model(x))
        convolutions.append(operators.ran["convolution"])
    assert convolutions[0] > convolutions[1]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


def test_a_graph_is_the_same_on_every_cpu(cpu):
    cpu(AMD)
    layer, x = Pointwise(nn.Linear(8, 4)).eval(), torch.randn(1, SIDE, SIDE, 8)
    with torch.no_grad():
        graph = torch.export.export(layer, (x,)).graph
    assert not any("conv" in str(node.target) for node in graph.nodes)
