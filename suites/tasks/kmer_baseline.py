"""The simple baselines of the DNA tasks: logistic regression on k-mers, or on bases by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch

from suites.tasks.dna import ALPHABET, PADDING, DnaExamples

if TYPE_CHECKING:
    from suites.tasks.task import TaskData

Features = Literal["k-mers", "positions"]
_STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # C of scikit-learn, the inverse of the penalty


class Fit(NamedTuple):
    """A baseline that was fitted."""

    strength: float
    """scikit-learn's C, the one of the grid with the best validation accuracy."""
    validation: float
    test: float
    """Accuracy, 0 to 1, at the training length."""


def fit_baseline(data: TaskData, features: Features, k: int = 6) -> Fit:
    """Fit on the training split, choose the penalty on the validation split, score on the test split.

    `k-mers`: log(1 + count) of every string of `k` letters in the cropped sequence. `positions`: its one-hot bases,
    which suits sequences centred on a site.
    """
    from sklearn.linear_model import LogisticRegression

    splits = [cast(DnaExamples, split) for split in (data.train, data.validation, next(iter(data.tests.values())))]
    train, validation, test = _positions(splits) if features == "positions" else _kmers(splits, k)
    y_train, y_validation, y_test = (split.labels().numpy() for split in splits)
    fits = []
    for strength in _STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300).fit(train, y_train)
        fits.append(Fit(strength, model.score(validation, y_validation), model.score(test, y_test)))
    return max(fits, key=lambda fit: fit.validation)


def _positions(splits: list[DnaExamples]) -> list[Any]:
    from scipy.sparse import csr_matrix

    return [csr_matrix(split.batch(torch.arange(len(split))).inputs.flatten(1).numpy()) for split in splits]


def _kmers(splits: list[DnaExamples], k: int) -> list[Any]:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer="char", ngram_range=(k, k), lowercase=False, dtype="float32")
    train, *others = (_texts(split) for split in splits)
    return [counts.log1p() for counts in (counter.fit_transform(train), *map(counter.transform, others))]


def _texts(split: DnaExamples) -> list[str]:
    letters = bytes.maketrans(bytes(range(PADDING)), ALPHABET.encode())
    rows = zip(split.bases, split.lengths.tolist(), strict=True)
    return [row[:length].numpy().tobytes().translate(letters).decode() for row, length in rows]
