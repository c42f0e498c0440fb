"""A model with everything that training changes, and that a checkpoint must hold."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from baselines.errors import UsageError
from bench.training.optimiser import adamw, cosine, moving_average, optimiser_tensors, restore_optimiser
from suites.recipe import Recipe

_FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Learner:
    """The model, its optimiser and learning rate, and the moving average of its weights if there is one."""

    def __init__(self, model: nn.Module, recipe: Recipe, lr: float, steps: int, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.precision = recipe.precision
        if recipe.grad_checkpointing:
            _checkpoint_gradients(model)
        self.optimiser = adamw(self.model, recipe.weight_decay, lr)
        self.schedule = cosine(self.optimiser, steps, recipe.warmup)
        self.ema = moving_average(self.model, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self.best: dict[str, Tensor] = {}
        """Weights of the best epoch so far; empty before the first evaluation."""

    @property
    def evaluated(self) -> nn.Module:
        """What is evaluated and kept: the moving average, or the model itself."""
        if self.ema is None:
            return self.model
        averaged: nn.Module = self.ema.module
        return averaged

    @property
    def lr(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def autocast(self) -> AbstractContextManager[object]:
        """Where the model's products are computed in the recipe's number format."""
        return autocast(self.device, self.precision)

    def keep_best(self) -> None:
        """Remember the weights as they are now."""
        self.best = {name: value.detach().clone() for name, value in self.evaluated.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """All of it by `<part>/<name>`, with the states of torch's random numbers."""
        parts = {"model": self.model.state_dict(), "best": self.best, "optimiser": optimiser_tensors(self.optimiser)}
        if self.ema is not None:
            parts["ema"] = self.ema.module.state_dict()
        if self.scaler.is_enabled():
            scaling = self.scaler.state_dict()
            parts["scaler"] = {name: torch.tensor(value, dtype=torch.float64) for name, value in scaling.items()}
        parts["random"] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            parts["random"]["cuda"] = torch.cuda.get_rng_state(self.device)
        return {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Become what `tensors` was taken from, the state of torch's random numbers included.

        Raises:
            KeyError, RuntimeError, ValueError: the tensors are not those of such a learner.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = value
        self.model.load_state_dict(parts["model"])
        restore_optimiser(self.optimiser, parts.get("optimiser", {}))
        if self.ema is not None:
            self.ema.module.load_state_dict(parts["ema"])
        if self.scaler.is_enabled():
            kinds = {name: type(value) for name, value in self.scaler.state_dict().items()}
            self.scaler.load_state_dict({name: kinds[name](value.item()) for name, value in parts["scaler"].items()})
        self.best = {name: value.to(self.device) for name, value in parts.get("best", {}).items()}
        torch.set_rng_state(parts["random"]["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(parts["random"]["cuda"], self.device)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Where products are computed in this number format; fp32 is as it is."""
    return torch.autocast(device.type, dtype=_FORMATS.get(precision), enabled=precision in _FORMATS)


def check_precision(device: torch.device, precision: str) -> None:
    """Raise `UsageError` where the device can't train in this number format."""
    if precision == "fp16" and device.type == "cpu":
        raise UsageError("precision: fp16 is not for training on a cpu; take bf16 or fp32")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UsageError("precision: this GPU has no bf16; take fp16 or fp32")


def _checkpoint_gradients(model: nn.Module) -> None:
    switch = getattr(model, "set_grad_checkpointing", None)
    if switch is None:
        name = type(model).__name__
        raise UsageError(f"grad_checkpointing: {name} has no set_grad_checkpointing(); turn it off in the recipe")
    switch(True)
