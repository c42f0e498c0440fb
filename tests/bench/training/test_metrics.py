from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from bench.training.metrics import calibration_error, confusion, metrics
from suites.predictions import Predictions

CLASSES = 6


def _made(seed: int, count: int, *, example: np.ndarray | None = None) -> tuple[Predictions, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, CLASSES - 1, count)  # one class never occurs, and may be predicted
    scores = draw.dirichlet(np.ones(CLASSES), count)
    scores[np.arange(count), labels] += draw.random(count)
    scores /= scores.sum(1, keepdims=True)
    top5 = np.argsort(-scores, axis=1)[:, :5]
    made = Predictions(
        np.arange(count) if example is None else example,
        labels,
        scores.argmax(1),
        scores.max(1).astype(np.float32),
        (top5 == labels[:, None]).any(1),
        -np.log(scores[np.arange(count), labels]).astype(np.float32),
    )
    return made, scores


@given(st.integers(0, 10_000), st.integers(1, 200))
@settings(deadline=None, max_examples=25)
@pytest.mark.filterwarnings("ignore:.*y_pred contains classes not in y_true", "ignore:.*single label was found")
def test_figures_are_scikit_learns(seed: int, count: int) -> None:
    made, scores = _made(seed, count)
    found = metrics(made)
    assert found.top1 == pytest.approx(oracle.accuracy_score(made.labels, made.predicted))
    assert found.top5 == pytest.approx(oracle.top_k_accuracy_score(made.labels, scores, k=5, labels=range(CLASSES)))
    assert found.macro_f1 == pytest.approx(oracle.f1_score(made.labels, made.predicted, average="macro"))
    assert found.balanced_accuracy == pytest.approx(oracle.balanced_accuracy_score(made.labels, made.predicted))
    expected = oracle.confusion_matrix(made.labels, made.predicted, labels=range(CLASSES))
    assert (confusion(made.labels, made.predicted, CLASSES) == expected).all()
    assert made.loss == pytest.approx(oracle.log_loss(made.labels, scores, labels=range(CLASSES)))
    assert found.whole == found.top1
    assert found.samples == count


def test_calibration_error_by_hand() -> None:
    probability = np.array([0.95, 0.97, 0.35, 0.39], np.float32)  # bins 15, 15, 6, 6 of 15
    correct = np.array([True, False, True, False])
    by_hand = 0.5 * abs(0.5 - 0.96) + 0.5 * abs(0.5 - 0.37)
    assert calibration_error(probability, correct) == pytest.approx(by_hand)
    assert calibration_error(np.ones(3, np.float32), np.ones(3, bool)) == 0
    assert calibration_error(np.array([0.5, 0.5], np.float32), correct[:2], bins=2) == 0  # 0.5 is in the lower bin


def test_a_share_that_is_as_confident_as_right_is_calibrated() -> None:
    draw = np.random.default_rng(0)
    probability = draw.uniform(0.2, 1, 200_000).astype(np.float32)
    correct = draw.random(200_000) < probability
    assert calibration_error(probability, correct) < 0.005
    assert calibration_error(probability, draw.random(200_000) < probability - 0.1) == pytest.approx(0.1, abs=0.01)


def test_a_sequence_is_right_when_all_of_its_places_are() -> None:
    made, _ = _made(0, 6, example=np.array([0, 0, 2, 2, 2, 5]))
    labels = np.zeros(6, np.int64)
    predicted = np.array([0, 1, 0, 0, 0, 3])
    found = metrics(Predictions(made.example, labels, predicted, made.probability, made.in_top5, made.nll))
    assert found.top1 == pytest.approx(4 / 6)
    assert found.whole == pytest.approx(1 / 3)
