"""What training asks of every image model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vio
from bench.tensor_memory import TensorMemory
from tests.vio.models import ONE_OF_EACH, fresh, images
from vio.training import stochastic_depth

each = pytest.mark.parametrize("name", ONE_OF_EACH)


def _step(model: nn.Module, x: torch.Tensor) -> tuple[dict[str, torch.Tensor], int]:
    """Outputs, gradients and buffers of one training step, and the bytes that its forward keeps for its backward."""
    torch.manual_seed(1)
    with TensorMemory() as memory:
        y = model(x)
        kept = memory.live
    return _learned(model, y), kept


def _learned(model: nn.Module, y: torch.Tensor) -> dict[str, torch.Tensor]:
    y.logsumexp(1).sum().backward()
    gradients = {f"gradient of {name}": p.grad for name, p in model.named_parameters()}
    assert all(gradient is not None for gradient in gradients.values())
    return {"output": y, **gradients, **dict(model.named_buffers())}


@each
def test_recomputation_changes_nothing_but_memory(name):
    plain = fresh(name, num_classes=5, drop_rate=0.1, drop_path_rate=0.2)
    lean = fresh(name, num_classes=5, drop_rate=0.1, drop_path_rate=0.2)
    lean.set_grad_checkpointing()
    x = images(2, 3, 96, 64)
    (want, kept), (got, kept_lean) = _step(plain, x), _step(lean, x)
    assert {key for key in want if not torch.equal(got[key], want[key])} == set()
    assert kept_lean < 0.6 * kept
    lean.set_grad_checkpointing(False)
    assert _step(lean, x)[1] == kept


def test_recomputation_can_be_compiled():
    shape = {"stages": [{"width": 16, "blocks": ["dense", "conv"]}], "num_features": 32}
    plain, lean = (fresh("vio_nano", num_classes=5, **shape) for _ in range(2))
    lean.set_grad_checkpointing()
    torch.compiler.reset()
    x = images(2, 3, 64, 96)
    want = _learned(plain, plain(x))
    got = _learned(lean, torch.compile(lean, backend="aot_eager", fullgraph=True, dynamic=False)(x))
    for key in want:
        torch.testing.assert_close(
            got[key], want[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
        )


@each
def test_every_parameter_learns_from_the_first_step(name):
    model = fresh(name, num_classes=5)
    nn.functional.cross_entropy(model(images(4, 3, 64, 64)), torch.arange(4)).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@each
def test_trains_under_autocast(name):
    model = fresh(name, num_classes=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(images(4, 3, 64, 64)), torch.arange(4))
    loss.backward()
    assert loss.isfinite() and all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@each
def test_bfloat16_is_near_float32(name):
    model, x = fresh(name).eval(), images(1, 3, 64, 64)
    with torch.inference_mode():
        want = model(x)
        got = model.bfloat16()(x.bfloat16())
    assert got.dtype == torch.bfloat16
    assert (got.float() - want).norm() / want.norm() < 0.05


@each
def test_extreme_input_stays_finite(name):
    model = fresh(name, num_classes=5).eval()
    for scale in (0.0, 1e-20, 1e8):
        model.zero_grad()
        logits = model(images(1, 3, 64, 64) * scale)
        logits.logsumexp(1).sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@each
def test_a_seed_decides_weights_and_training(name):
    x = images(2, 3, 64, 64)
    first, second = (_step(fresh(name, num_classes=5, drop_path_rate=0.5), x)[0] for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    torch.manual_seed(1)
    other = vio.create_model(name, num_classes=5)
    assert not torch.equal(next(other.parameters()), next(fresh(name, num_classes=5).parameters()))


def test_skipped_blocks_leave_what_went_in_and_the_mean_stays():
    x, y = images(4000, 2, 1, 1), images(4000, 2, 1, 1, seed=1)
    torch.manual_seed(0)
    got = stochastic_depth(x, y, 0.25)
    skipped = (got == x).all(1).flatten()
    torch.testing.assert_close(got[~skipped], (x + (y - x) / 0.75)[~skipped])
    assert 0.2 < skipped.float().mean() < 0.3  # 0.25, give or take seven standard errors


def test_drop_rates_act_in_training_alone():
    plain, x = fresh("vio_nano", num_classes=5), images(2, 3, 64, 64)
    features = torch.ones(2, plain.num_features, 2, 2)
    for rates in ({"drop_rate": 0.9}, {"drop_path_rate": 0.9}):
        model = fresh("vio_nano", num_classes=5, **rates)
        assert torch.equal(model.eval()(x), plain.eval()(x))
        assert not torch.equal(model.train()(x), plain.train()(x))
        plain.load_state_dict(fresh("vio_nano", num_classes=5).state_dict())  # its batch norms have seen a batch
        kept = model.forward_head(features, pre_logits=True).count_nonzero() / features[..., 0, 0].numel()
        assert abs(float(kept) - 1 + rates.get("drop_rate", 0)) < 0.1
    with pytest.raises(ValueError, match="drop_path_rate must be at least 0 and below 1, got 1"):
        fresh("vio_nano", drop_path_rate=1)


@each
def test_only_weights_of_linear_maps_and_convolutions_decay(name):
    model = fresh(name)
    parameters, spared = dict(model.named_parameters()), model.no_weight_decay()
    assert spared <= set(parameters)
    decayed = set(parameters) - spared
    assert {n.rpartition(".")[2] for n in decayed} == {"weight"} and all(parameters[n].ndim > 1 for n in decayed)
    assert {"fc.weight", f"{model.default_cfg['first_conv']}.weight"} <= decayed
