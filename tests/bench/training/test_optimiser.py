from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import vio
from bench.training.optimiser import adamw, cosine, moving_average, optimiser_tensors, restore_optimiser
from suites.recipe import Recipe


def _rates(steps: int, warmup: float) -> list[float]:
    optimiser = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule = cosine(optimiser, steps, warmup)
    rates = []
    for step in range(steps):
        schedule.step_update(step)
        rates.append(optimiser.param_groups[0]["lr"])
    return rates


def test_the_rate_rises_and_then_falls_along_a_cosine() -> None:
    rates = _rates(23, 3 / 23)
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[13] == pytest.approx(0.4)  # half way from step 3 to step 23
    assert rates[8] == pytest.approx(0.4 * (1 + math.sqrt(0.5)))  # a quarter of the way
    assert 0 < rates[-1] < 0.01


def test_no_step_is_without_a_rate_however_short_the_run() -> None:
    assert _rates(1, 0.9) == [0.8]
    assert _rates(2, 0.9) == pytest.approx([0.4, 0.8])
    assert _rates(4, 0) == pytest.approx([0.8, 0.4 * (1 + math.sqrt(0.5)), 0.4, 0.4 * (1 - math.sqrt(0.5))])


def test_only_weights_that_the_model_does_not_spare_are_decayed() -> None:
    model = vio.create_model("vio_seq_mamba", width=16)
    spared = model.no_weight_decay()  # type: ignore[operator]
    groups = adamw(model, 0.05, 1e-3).param_groups
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.05}
    for name, parameter in model.named_parameters():
        assert (id(parameter) in decayed) == (name not in spared and parameter.ndim > 1), name


def test_the_moving_average_is_the_one_computed_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = moving_average(model, Recipe(steps=1, ema_decay=0.6))
    assert average is not None
    by_hand, expected = 0.0, []
    for step, value in enumerate((1.0, 2.0, 5.0, -3.0, 4.0, 8.0)):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update(model, step)
        decay = 0.0 if step < 2 else min(0.6, 1 - step ** (-2 / 3))
        by_hand = decay * by_hand + (1 - decay) * value
        expected.append(by_hand)
        assert average.module.weight.item() == pytest.approx(by_hand, rel=1e-6)
    assert expected[1] == 2.0
    assert len(set(expected)) == 6
    assert moving_average(model, Recipe(steps=1)) is None


def test_an_optimiser_goes_on_as_the_one_that_it_was_taken_from() -> None:
    def step(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad()
        model(torch.ones(2, 3)).square().sum().backward()
        optimiser.step()

    one = nn.Linear(3, 2)
    first = adamw(one, 0.05, 1e-2)
    for _ in range(3):
        step(one, first)
    other = nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    second = adamw(other, 0.05, 1e-2)
    restore_optimiser(second, {name: value.clone() for name, value in optimiser_tensors(first).items()})
    for model, optimiser in ((one, first), (other, second)):
        step(model, optimiser)
    assert torch.equal(one.weight, other.weight)
