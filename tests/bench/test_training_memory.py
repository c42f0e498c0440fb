"""What recomputation saves in training is counted on a copy of the model, and so is the error that bfloat16 makes."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bench.probes import PROBES
from tests.bench.test_exports import kinds, read, subject_of

WIDTH, DEPTH, TOKENS = 32, 12, 400


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(*self._block()) for _ in range(DEPTH))
        self.norm = nn.BatchNorm1d(WIDTH)
        self.recompute = False

    @staticmethod
    def _block() -> list[nn.Module]:
        return [nn.Linear(WIDTH, WIDTH), nn.Sigmoid(), nn.Linear(WIDTH, WIDTH), nn.Sigmoid()]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.recompute = enable

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.recompute else block(x)
        return self.norm(x.transpose(1, 2)).mean(2)


def test_recomputation_keeps_one_activation_a_block() -> None:
    figures, found = read("training_memory", Tower(), torch.randn(1, TOKENS, WIDTH))
    activation, weights = 4 * TOKENS * WIDTH, 4 * DEPTH * 2 * (WIDTH + 1) * WIDTH
    saved = 2 * DEPTH * activation  # the output of every sigmoid: for its own derivative, and as the next one's input
    assert saved <= figures["train_tensor_peak"] <= saved + weights + 8 * activation
    recomputed = figures["train_tensor_peak_checkpointed"]
    assert DEPTH * activation <= recomputed <= (DEPTH + 6) * activation + weights
    assert figures["checkpointed_share"] == recomputed / figures["train_tensor_peak"] < 0.75
    assert not found.warnings


def test_the_model_itself_stays_as_it_was() -> None:
    tower, x = Tower(), torch.randn(1, TOKENS, WIDTH)
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    PROBES.load("training_memory").read(subject_of(tower, x))
    assert not tower.training and not tower.recompute
    assert all(torch.equal(value, before[name]) for name, value in tower.state_dict().items())


def test_bfloat16_is_off_by_its_own_precision() -> None:
    figures, _ = read("training_memory", nn.Linear(64, 64), torch.randn(1, 50, 64))
    assert 2**-10 < figures["bf16_error"] < 2**-6  # eight bits of mantissa


def test_a_model_without_recomputation_has_no_such_figure() -> None:
    figures, found = read("training_memory", nn.Linear(8, 8), torch.randn(1, 5, 8))
    assert set(figures) == {"train_tensor_peak", "bf16_error"}
    assert kinds(found) == {"train_tensor_peak_checkpointed": "no_checkpointing"}


def test_a_step_that_fails_is_a_warning() -> None:
    figures, found = read("training_memory", nn.Sequential(nn.Flatten(), nn.BatchNorm1d(6)), torch.randn(1, 2, 3))
    assert set(figures) == {"bf16_error"}
    assert kinds(found) == {"train_tensor_peak": "training_failed"}
    assert "more than 1 value per channel" in found.warnings[0].message
