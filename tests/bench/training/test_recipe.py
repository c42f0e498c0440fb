from __future__ import annotations

import pytest
from pydantic import ValidationError

from suites.recipe import Recipe


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of epochs, steps, time_budget_s, not none"),
        ({"epochs": 1, "steps": 5}, "not epochs and steps"),
        ({"epochs": 1, "lr_grid": [1e-3, 1e-3]}, "each learning rate once"),
        ({"epochs": 1, "lr_grid": []}, "at least 1 item"),
        ({"epochs": 1, "lr_grid": [0.0]}, "greater than 0"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"epochs": 1, "momentum": 0.9}, "Extra inputs"),
        ({"epochs": 1, "warmup": 1.0}, "less than 1"),
        ({"epochs": 1, "precision": "int8"}, "'fp32', 'bf16' or 'fp16'"),
    ],
)
def test_a_recipe_that_can_not_be_followed_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate(given)


def test_another_budget_replaces_the_first() -> None:
    recipe = Recipe(epochs=3, lr_grid=(1e-3, 3e-3))
    other = recipe.with_budget(time_budget_s=60)
    assert (other.epochs, other.time_budget_s, other.lr_grid) == (None, 60, (1e-3, 3e-3))
    with pytest.raises(ValidationError, match="exactly one"):
        recipe.with_budget()


def test_every_field_says_what_it_is() -> None:
    fields = Recipe.model_json_schema()["properties"]
    assert all(len(field["description"]) > 10 for field in fields.values())
    assert Recipe.model_validate_json(Recipe(steps=3).model_dump_json()) == Recipe(steps=3)
