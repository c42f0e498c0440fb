"""A model is built for what a task gives it and asks of it."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import nn

from baselines import catalogue
from baselines.catalogue import Head
from baselines.errors import UsageError


def _built(name: str, shape: tuple[int, ...], head: Head) -> nn.Module:
    entry = catalogue.find(name)
    return catalogue.build(entry, catalogue.task_config(entry, shape, head))


@pytest.mark.parametrize("name", ["vio_nano", "vit_tiny_patch16_224", "resnet10t"])
def test_models_of_images_take_the_tasks_channels_and_tell_its_classes(name: str) -> None:
    model = _built(name, (1, 1, 32, 32), Head(classes=7, channels=1))
    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("name", ["vio_dna", "vio_seq_mamba"])
def test_models_of_sequences_take_rows_or_tokens_and_answer_once_or_everywhere(name: str) -> None:
    once = _built(name, (1, 20, 5), Head(classes=4, channels=5))
    assert once(torch.randn(2, 20, 5)).shape == (2, 4)
    everywhere = _built(name, (1, 20), Head(classes=6, vocabulary=11, pooling=""))
    assert everywhere(torch.randint(11, (2, 20))).shape == (2, 20, 6)


def test_a_model_of_the_other_kind_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'vio_dna' takes sequences .* not images"):
        _built("vio_dna", (1, 3, 32, 32), Head(classes=2, channels=3))
    with pytest.raises(UsageError, match="'resnet10t' takes images"):
        _built("resnet10t", (1, 20, 5), Head(classes=2, channels=5))
    with pytest.raises(UsageError, match="'mixer/ssd' is a token mixer without a classifier"):
        _built("mixer/ssd", (1, 20, 64), Head(classes=2, channels=64))


def test_a_users_factory_is_told_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("of_a_user")
    module.__file__ = __file__

    def factory(num_classes: int, in_chans: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(in_chans * 16, num_classes))

    module.factory = factory  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "of_a_user", module)
    model = _built("of_a_user:factory", (1, 2, 4, 4), Head(classes=3, channels=2))
    assert model(torch.randn(5, 2, 4, 4)).shape == (5, 3)
