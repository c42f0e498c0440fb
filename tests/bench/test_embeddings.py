from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from bench import model_folder
from bench.cell_process import work
from bench.embeddings import chosen, features, linear_probe, nearest_neighbours
from suites.record import Status
from tests.bench import trained


def test_the_vote_of_neighbours_is_that_of_scikit_learn() -> None:
    bundled = load_digits()
    pixels, labels = bundled.data.astype(np.float32), bundled.target.astype(np.int64)
    oracle = KNeighborsClassifier(20, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.07))
    expected = oracle.fit(pixels[:900], labels[:900]).predict(pixels[900:])
    answers = nearest_neighbours(pixels[:900], labels[:900], pixels[900:], 10)
    assert (answers == expected).mean() > 0.999  # ties of neighbours aside


def test_a_near_neighbour_outvotes_many_far_ones() -> None:
    near, far = [[1.0, 0.01]], [[0.0, 1.0]] * 19
    known, labels = np.array(near + far, dtype=np.float32), np.array([1] + [0] * 19)
    assert nearest_neighbours(known, labels, np.array([[2.0, 0.0]], dtype=np.float32), 2).tolist() == [1]


def test_fewer_examples_than_neighbours_still_vote() -> None:
    known = np.eye(3, dtype=np.float32)
    assert nearest_neighbours(known, np.array([2, 0, 1]), known, 3).tolist() == [2, 0, 1]


def test_the_linear_probe_separates_what_is_separable_and_no_more() -> None:
    drawn = np.random.default_rng(0)
    labels = drawn.integers(3, size=300)
    known = (10 * np.eye(3)[labels] + drawn.normal(size=(300, 3))).astype(np.float32)
    answers, converged = linear_probe(known[:200], labels[:200], known[200:])
    assert converged and (answers == labels[200:]).all()
    shuffled, _ = linear_probe(known[:200], drawn.permutation(labels[:200]), known[200:])
    assert (shuffled == labels[200:]).mean() < 0.6


def test_at_most_10000_training_examples_are_used_the_same_each_time() -> None:
    assert sorted(chosen(30).tolist()) == list(range(30))
    many = chosen(25_000)
    assert len(set(many.tolist())) == 10_000 and torch.equal(many, chosen(25_000))


def test_features_lead_to_the_models_own_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The classifier on the features gives the logits; with a mask too, so padding is not read."""
    learnt = trained.dna(tmp_path_factory.getbasetemp())
    _, model = model_folder.load(learnt.folder)
    test = learnt.data.tests[64]
    found = features(model, test, torch.arange(len(test)), learnt.data.input, "cpu")
    with torch.no_grad():
        logits = model.get_classifier()(torch.from_numpy(found))  # type: ignore[operator]
    assert found.shape == (len(test), 16)
    np.testing.assert_allclose(logits.softmax(1).amax(1).numpy(), learnt.answers.probability, atol=1e-5)


def test_the_probe_gives_two_shares_of_the_test_examples(tmp_path_factory: pytest.TempPathFactory) -> None:
    learnt = trained.digits(tmp_path_factory.getbasetemp())
    assert learnt.outcome is not None
    readings = {reading.name: reading for reading in learnt.outcome.readings}
    for name in ("knn_accuracy", "linear_probe_accuracy"):
        right, trials = readings[name].samples
        assert readings[name].share and trials == len(learnt.data.tests[32])
        assert right / trials > 0.5  # even hardly trained features tell digits apart, where the model itself does not
        assert f"{len(learnt.data.train):,} training examples" in readings[name].method


def test_a_task_scored_at_each_place_has_no_figure_and_says_so(tmp_path: Path) -> None:
    cell = trained.cell_of("vio_seq_mamba", "selective_copying", 64, **trained.SMALL)
    outcome = work(trained.train_job(cell, tmp_path, "embeddings"))
    assert outcome.reason is None and not outcome.readings
    (warning,) = outcome.warnings
    assert warning.kind == "no_embedding" and "selective_copying has a label at each place" in warning.message


def test_without_a_trained_model_the_probe_says_what_is_missing(tmp_path: Path) -> None:
    outcome = work(trained.train_job(trained.cell_of("vio_nano", "digits", 32), tmp_path, "embeddings"))
    assert outcome.status is Status.ERROR
    assert "no trained model" in str(outcome.reason) and "the metric 'accuracy'" in str(outcome.reason)
