"""torch.export, torch.jit.trace and torch.compile agree with eager, at two sizes, on input that they never saw."""

from __future__ import annotations

import warnings

import pytest
import torch

from tests.vio.models import IMAGE_ARCHITECTURES, fresh, images, miniature

FLAGSHIP_PARTS = [{"width": 8, "blocks": ["dense"]}] * 3 + [{"width": 32, "blocks": ["conv", "attention"]}]
SIZES = [(64, 96), (66, 32)]
each = pytest.mark.parametrize("architecture", IMAGE_ARCHITECTURES)
# Every tool sees the flagship at both sizes, and the others at one each.
cases = pytest.mark.parametrize(
    ("architecture", "size"), [("vio", SIZES[0]), *((name, SIZES[1]) for name in IMAGE_ARCHITECTURES)]
)


def assert_agrees(got: torch.Tensor, want: torch.Tensor) -> None:
    assert want.abs().max() > 1e-3
    assert (got - want).abs().max() < 1e-5 * want.abs().max()


@cases
@torch.no_grad()
def test_an_exported_model_keeps_a_free_batch(architecture, size):
    model = miniature(architecture)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (images(2, 3, *size),), dynamic_shapes={"x": {0: batch}})
    for count in (1, 5):
        x = images(count, 3, *size, seed=1)
        assert_agrees(program.module()(x), model(x))


@pytest.mark.parametrize("size", [(250, 190), (224, 224), (96, 256)])
@torch.no_grad()
def test_the_exported_flagship_takes_any_batch_and_size(size):
    model = fresh("vio_tiny", num_classes=5, stages=FLAGSHIP_PARTS).eval()
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO)
    program = torch.export.export(model, (images(2, 3, *size),), dynamic_shapes=(free,)).module()
    for shape in ((1, 3, 512, 96), (3, 3, 64, 320)):  # windows that the example had not, whole ones and cut ones
        x = images(*shape, seed=1)
        assert_agrees(program(x), model(x))


@cases
@torch.no_grad()
def test_a_trace_gives_the_same_output(architecture, size):
    model = miniature(architecture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trace is fixed to its input's size, which it warns of
        traced = torch.jit.trace(model, images(2, 3, *size))
    x = images(2, 3, *size, seed=1)
    assert_agrees(traced(x), model(x))


@each
@torch.no_grad()
def test_the_compiler_captures_the_whole_model(architecture):
    model, size = miniature(architecture), SIZES[1]
    torch.compiler.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=False)
    compiled(images(2, 3, *size))
    x = images(2, 3, *size, seed=1)
    assert_agrees(compiled(x), model(x))


@torch.no_grad()
def test_compiled_code_gives_the_same_output():
    model = miniature("vio")
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, dynamic=False)
    compiled(images(2, 3, *SIZES[0]))
    x = images(2, 3, *SIZES[0], seed=1)
    assert_agrees(compiled(x), model(x))
