"""How a model is trained: one recipe for every model of a task, so that only the models differ."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from suites.schema import Strict

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, strict=True)]
Rate = Annotated[float, Field(gt=0, le=10)]

_BUDGETS = ("epochs", "steps", "time_budget_s")


class Recipe(Strict):
    """AdamW under a cosine with warm-up, for a budget given in exactly one of epochs, steps or seconds."""

    batch: Annotated[int, Field(ge=1, le=65536, strict=True)] = 128
    """Examples a step. An epoch's last ones that fill no batch are left out; each epoch has another order."""
    epochs: Count | None = None
    """Budget: passes over the training split."""
    steps: Count | None = None
    """Budget: steps of the optimiser."""
    time_budget_s: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    """Budget: seconds of training, sweep included and evaluation apart. How many steps fit is measured once, before
    the first step, and then stands: a slower hour makes the run longer, never different."""
    lr_grid: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=32)] = (1e-3,)
    """Highest learning rates to choose from, the same for every model. A single one is taken without a sweep."""
    sweep_share: Annotated[float, Field(gt=0, le=1)] = 0.15
    """What each trial of the sweep may spend, as a share of the steps that the run itself takes."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Of weights; biases, norms and what the model's `no_weight_decay()` names are spared."""
    warmup: Share = 0.1
    """Share of the steps over which the learning rate rises, before the cosine takes it to zero."""
    label_smoothing: Share = 0.1
    """Share of a label's probability that is spread evenly over all classes."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest norm of the gradient, over all parameters; none for no limit."""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of a moving average of the weights, which is then what is evaluated and kept; none for off. It rises to
    this value as 1 - step ^ (-2/3) does, so that short runs don't remember their start."""
    mixup: Annotated[float, Field(gt=0, le=10)] | None = None
    """Alpha of mixup (arXiv 1710.09412) for images with one label each; none for off."""
    augment: bool = True
    """Whether training examples are varied in the ways that their task says keep the label."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Number format of a step's products where the device has it; weights stay float32."""
    grad_checkpointing: bool = False
    """Compute inner tensors again in the backward pass instead of keeping them: less memory, more time."""
    evaluate_every: Count = 1
    """Epochs between two evaluations on the validation split; the end of the run is always evaluated."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in _BUDGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_BUDGETS)}, not {' and '.join(given) or 'none'}")
        if len(set(self.lr_grid)) < len(self.lr_grid):
            raise ValueError("lr_grid: each learning rate once")
        return self

    def with_budget(
        self, *, epochs: int | None = None, steps: int | None = None, time_budget_s: float | None = None
    ) -> Recipe:
        """The same recipe on another budget, of which exactly one is given."""
        budget = {"epochs": epochs, "steps": steps, "time_budget_s": time_budget_s}
        return Recipe.model_validate({**self.model_dump(), **budget})
