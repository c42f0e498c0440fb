"""What training promises, on tasks small enough to know the answer."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

import vio
from baselines.errors import UsageError
from bench.training import checkpoint
from bench.training.budget import BUDGET
from bench.training.errors import NotFinite
from bench.training.evaluate import evaluate
from bench.training.job import Progress
from bench.training.sweep import SWEEP
from bench.training.train import train
from suites.recipe import Recipe
from suites.tasks.errors import DataError
from tests.bench.training.tasks import CLASSES, images, places, sequences, small_net

FEW = Recipe(batch=16, steps=8)


def test_64_examples_are_learnt_by_heart(tmp_path: Path) -> None:
    data = images(64)
    trained = train(small_net, data, Recipe(batch=16, epochs=25, lr_grid=(0.02,)), seed=0, folder=tmp_path, threads=1)
    assert evaluate(trained.model, data.train, data.input, CLASSES).accuracy == 1
    assert trained.history[-1].train_accuracy == 1


def test_shuffled_labels_give_chance(tmp_path: Path) -> None:
    recipe = Recipe(batch=32, epochs=12, lr_grid=(0.02,), evaluate_every=100)
    accuracies = []
    for shuffled in (False, True):
        data = images(256, shuffled=shuffled, validation=400)
        folder = tmp_path / str(shuffled)
        accuracies.append(train(small_net, data, recipe, seed=0, folder=folder, threads=1).validation_accuracy)
    learnt, by_chance = accuracies
    assert binomtest(round(400 * by_chance), 400, 1 / CLASSES).pvalue > 1e-4
    assert learnt > 0.9


def test_same_weights_answer_the_same(tmp_path: Path) -> None:
    data = images(64)
    trained = train(small_net, data, FEW, seed=0, folder=tmp_path, threads=1)
    other = small_net()
    checkpoint.load_weights(other, tmp_path / checkpoint.BEST)
    ours, theirs = (evaluate(model, data.validation, data.input, CLASSES) for model in (trained.model, other))
    assert (ours.predicted == theirs.predicted).all()
    assert (ours.probability == theirs.probability).all()


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    first, second = (
        train(small_net, images(64), FEW, seed=seed, folder=tmp_path / str(seed), threads=1).model for seed in (0, 1)
    )
    assert not torch.equal(next(first.parameters()), next(second.parameters()))
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers are his own"


def test_the_sweep_takes_the_rate_that_learns(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, steps=60, lr_grid=(1e-7, 0.02, 1e-6), sweep_share=0.5, evaluate_every=3)
    told: list[Progress] = []
    trained = train(small_net, images(64), recipe, seed=0, folder=tmp_path, threads=1, on_progress=told.append)
    assert trained.lr == 0.02
    assert [trial.lr for trial in trained.sweep] == [1e-7, 0.02, 1e-6]
    assert [progress.done for progress in told] == list(range(1, 151))
    assert {progress.total for progress in told} == {150}
    assert [p.phase for p in told].count("sweep") == 90
    evaluated = [e.epoch for e in trained.history if e.validation_accuracy is not None]
    assert evaluated == [3, 6, 9, 12, 15]


class Fragile(nn.Module):
    """Its weight drifts by the learning rate each step, and its loss is infinite once that is a tenth."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        drift = self.weight.abs()
        logits = torch.arange(CLASSES) * self.weight + torch.where(drift > 0.1, math.inf, 0.0)
        return logits.expand(len(x), CLASSES)


def test_a_rate_that_diverges_loses_the_sweep(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, steps=10, lr_grid=(1.0, 1e-5), sweep_share=1, warmup=0)
    trained = train(Fragile, images(64), recipe, seed=0, folder=tmp_path, threads=1)
    assert trained.lr == 1e-5
    assert trained.sweep[0].accuracy is None
    with pytest.raises(NotFinite, match=r"at every learning rate of the sweep \(1, 2\)"):
        worse = recipe.model_copy(update={"lr_grid": (1.0, 2.0)})
        train(Fragile, images(64), worse, seed=0, folder=tmp_path / "other", threads=1)


def test_a_loss_that_is_no_number_names_step_and_rate(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, steps=10, lr_grid=(0.5,), warmup=0)
    with pytest.raises(NotFinite, match=r"the loss is nan at step 1 with a learning rate of 0\.488"):
        train(Fragile, images(64), recipe, seed=0, folder=tmp_path, threads=1)


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    data = images(64)
    train(small_net, data, FEW, seed=0, folder=tmp_path, threads=1)
    with pytest.raises(UsageError, match=r"what differs: seed \(0 there, 1 here\)\. Choose another folder"):
        train(small_net, data, FEW, seed=1, folder=tmp_path, threads=1)
    with pytest.raises(
        UsageError, match=r"recipe\.batch \(16 there, 8 here\); seed|recipe\.batch \(16 there, 8 here\)"
    ):
        train(small_net, data, Recipe(batch=8, steps=8), seed=0, folder=tmp_path, threads=1)
    with pytest.raises(UsageError, match=r"differs: data \(\w{16} there, 0123456789abcdef here\)"):
        changed = dataclasses.replace(data, digest="0123456789abcdef")
        train(small_net, changed, FEW, seed=0, folder=tmp_path, threads=1)
    with pytest.raises(
        UsageError, match=r"differs: model \(Sequential of 228 parameters, \w+ there, Sequential of 212"
    ):
        train(lambda: small_net(norm=False), data, FEW, seed=0, folder=tmp_path, threads=1)
    (tmp_path / "run.json").unlink()
    with pytest.raises(UsageError, match=r"holds a checkpoint without its run\.json"):
        train(small_net, data, FEW, seed=0, folder=tmp_path, threads=1)


def test_a_checkpoint_moved_in_from_elsewhere_is_refused(tmp_path: Path) -> None:
    for seed in (0, 1):
        train(small_net, images(64), FEW, seed=seed, folder=tmp_path / str(seed), threads=1)
    shutil.copy(tmp_path / "0" / checkpoint.LAST, tmp_path / "1" / checkpoint.LAST)
    with pytest.raises(UsageError, match="belongs to another run"):
        train(small_net, images(64), FEW, seed=1, folder=tmp_path / "1", threads=1)


def test_altered_notes_are_refused(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, time_budget_s=0.5, lr_grid=(0.01, 0.02))
    train(small_net, images(64), recipe, seed=0, folder=tmp_path, threads=1)
    for name, content in ((SWEEP, '[{"lr": 1}]'), (BUDGET, '{"steps": "many"}'), ("run.json", "{"), ("run.json", "{}")):
        before = (tmp_path / name).read_text()
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match=rf"{name}.*remove .* to train anew"):
            train(small_net, images(64), recipe, seed=0, folder=tmp_path, threads=1)
        (tmp_path / name).write_text(before)


def test_seconds_buy_steps_once(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, time_budget_s=0.3)
    first = train(small_net, images(64), recipe, seed=0, folder=tmp_path, threads=1)
    assert json.loads((tmp_path / BUDGET).read_text()) == {"steps": first.steps}
    (tmp_path / BUDGET).write_text('{"steps": 7}')
    for name in (checkpoint.LAST, checkpoint.BEST):
        (tmp_path / name).unlink()
    assert train(small_net, images(64), recipe, seed=0, folder=tmp_path, threads=1).steps == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "fp16"}, "fp16 is not for training on a cpu"),
        ({"grad_checkpointing": True}, r"Sequential has no set_grad_checkpointing\(\)"),
    ],
)
def test_what_does_not_go_together_is_said(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        train(small_net, images(64), FEW.model_copy(update=change), seed=0, folder=tmp_path, threads=1)


def test_mixup_is_for_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mixup: it blends images"):
        train(small_net, places(), FEW.model_copy(update={"mixup": 0.2}), seed=0, folder=tmp_path)


def test_a_model_of_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gives \(16, 3\) where the task asks for \(16, 4\).*num_classes=4"):
        train(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), images(64), FEW, seed=0, folder=tmp_path)


def test_recomputing_changes_nothing(tmp_path: Path) -> None:
    def factory() -> nn.Module:
        return vio.create_model("vio_seq_mamba", width=16, num_classes=2)

    one, other = (
        train(
            factory,
            sequences(32, 12),
            Recipe(batch=16, steps=3, grad_checkpointing=on, precision="bf16"),
            seed=0,
            folder=tmp_path / str(on),
            threads=1,
        ).model
        for on in (False, True)
    )
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_sequences_of_one_hot_bases_are_learnt(tmp_path: Path) -> None:
    recipe = Recipe(batch=16, epochs=6, lr_grid=(0.01,))
    trained = train(
        lambda: vio.create_model("vio_seq_mamba", width=16, num_classes=2),
        sequences(64),
        recipe,
        seed=0,
        folder=tmp_path,
        threads=1,
    )
    assert trained.validation_accuracy > 0.85
    assert trained.steps == 24
    assert trained.examples_per_second == pytest.approx(24 * 16 / trained.train_seconds)
