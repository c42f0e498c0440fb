"""Plain inference multiplies norms into weights and works in pieces; nobody sees it, whatever was done to the model."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.utils._python_dispatch import TorchDispatchMode

import vio
from tests.vio.models import lively


class Norms(TorchDispatchMode):
    """Counts the batch norms that run."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += "batch_norm" in str(function)
        return function(*args, **(kwargs or {}))


class Added(nn.Module):
    """A linear map with something beside it, whose weight tells half of it, as LoRA's wrappers have it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.weight = base.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + x.mean(-1, keepdim=True)


def _adapted(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()


def _batch_statistics(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = module.running_var = None


def _wrapped(model: nn.Module) -> None:
    for module in list(model.modules()):
        if isinstance(getattr(module, "linear", None), nn.Linear):
            module.linear = Added(module.linear)


def _mirrored(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "replicate"


def _dilated(model: nn.Module) -> None:
    conv = model.stem.conv2.conv
    conv.dilation, conv.padding = (2, 2), (2, 2)


CHANGES = [_adapted, _batch_statistics, _wrapped, _mirrored, _dilated]


def _model() -> nn.Module:
    torch.manual_seed(0)
    return lively(vio.create_model("vio_nano", num_classes=10))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_model_answers_as_it_does_where_gradients_are_recorded(change: Callable[[nn.Module], None]) -> None:
    model, x = _model(), torch.randn(2, 3, 260, 130)
    change(model)
    twin = copy.deepcopy(model)
    want = twin(x).detach()
    with torch.no_grad():
        got = model(x)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    for one, other in zip(model.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(one, other)  # statistics saw one batch


def test_norms_fold_where_that_is_less_work_and_nobody_watches() -> None:
    model, x = _model(), torch.randn(1, 3, 320, 320)
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    with torch.no_grad(), Norms() as run:
        model(x)
    assert 0 < run.count < norms
    seen = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            module.register_forward_hook(lambda module, *_: seen.append(module))
    with torch.no_grad(), Norms() as run:
        model(x)
    assert run.count == norms and len(seen) == len(set(seen))


def test_half_precision_beside_norms_in_single() -> None:
    model, x = _model().bfloat16(), torch.randn(1, 3, 160, 160, dtype=torch.bfloat16)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
    want = model(x).detach()
    with torch.no_grad():
        torch.testing.assert_close(model(x), want, rtol=0.05, atol=0.05)


def test_an_ensemble_by_vmap() -> None:
    models, x = [_model(), _model()], torch.randn(2, 3, 260, 130)
    skeleton = copy.deepcopy(models[0]).to("meta")
    with torch.no_grad():
        want = torch.stack([model(x) for model in models])
        got = torch.vmap(lambda p, b: functional_call(skeleton, (p, b), (x,)))(*stack_module_state(models))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
