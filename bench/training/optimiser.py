"""AdamW without decay where none belongs, its learning rate at each step, and the moving average of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from suites.recipe import Recipe

if TYPE_CHECKING:
    from timm.scheduler.scheduler import Scheduler
    from timm.utils import ModelEmaV3


def adamw(model: nn.Module, weight_decay: float, lr: float) -> torch.optim.Optimizer:
    """AdamW; biases, gains and what `model.no_weight_decay()` names, where it has one, are not decayed.

    Fused, since on a CPU a plain update of a model of 3 M parameters takes three times as long, an eighth of a step.
    """
    from timm.optim import create_optimizer_v2

    optimiser: torch.optim.Optimizer = create_optimizer_v2(
        model, opt="adamw", lr=lr, weight_decay=weight_decay, fused=True
    )
    return optimiser


def cosine(optimiser: torch.optim.Optimizer, steps: int, warmup: float) -> Scheduler:
    """The learning rate of step s, from 0, which `step_update(s)` sets; it depends on s alone.

    With w steps of warm-up of n in all and the optimiser's own rate r it is r (s + 1) / (w + 1) while s < w, and then
    r (1 + cos(pi (s - w) / (n - w))) / 2: neither the first step nor the last one is wasted on a rate of zero.
    """
    from timm.scheduler import CosineLRScheduler

    rising = min(round(warmup * steps), steps - 1)
    return CosineLRScheduler(
        optimiser,
        t_initial=steps - rising,
        warmup_t=rising,
        warmup_lr_init=optimiser.param_groups[0]["lr"] / (rising + 1),
        warmup_prefix=True,
        t_in_epochs=False,
    )


def moving_average(model: nn.Module, recipe: Recipe) -> ModelEmaV3 | None:
    """A moving average of weights and buffers, where the recipe asks for one."""
    if recipe.ema_decay is None:
        return None
    from timm.utils import ModelEmaV3

    return ModelEmaV3(model, decay=recipe.ema_decay, use_warmup=True)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All that the optimiser remembers: `<number of the parameter>.<name>` -> tensor."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{name}": value for number, values in state.items() for name, value in values.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimiser of the same parameters back what it remembered."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
