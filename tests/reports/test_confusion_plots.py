"""What models take for what, against counting by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.accuracy.confusion import confusion_matrix, most_confused
from reports.plots.confusion import write_confusion_plots
from suites.predictions import Predictions, dump_predictions, predictions_file
from suites.results import TRAINING


def texts(plot):
    return [text for text in ElementTree.parse(plot.svg).getroot().itertext() if text.strip()]


def answered(labels, predicted):
    labels, predicted = numpy.asarray(labels, dtype=numpy.int64), numpy.asarray(predicted, dtype=numpy.int64)
    n = len(labels)
    return Predictions(
        numpy.arange(n), labels, predicted, numpy.full(n, 0.5, "float32"), numpy.ones(n, bool), numpy.ones(n, "float32")
    )


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=40)


@given(st.lists(PAIRS, max_size=3))
def test_counts_are_those_of_counting_by_hand(seeds):
    matrix = confusion_matrix([answered(*zip(*pairs, strict=True)) for pairs in seeds if pairs], 5)
    by_hand = Counter(pair for pairs in seeds for pair in pairs)
    assert {(r, c): int(matrix[r, c]) for r in range(5) for c in range(5) if matrix[r, c]} == by_hand
    confused = most_confused(matrix, 3)
    wrong = sorted((n for (right, taken), n in by_hand.items() if right != taken), reverse=True)
    assert [pair.count for pair in confused] == wrong[:3]
    assert all(pair.of == sum(n for (right, _), n in by_hand.items() if right == pair.right) for pair in confused)


def test_what_is_no_class_is_refused():
    for labels, predicted in (([0], [2]), ([2], [0]), ([-1], [0])):
        with pytest.raises(ValueError, match="none of 2 classes"):
            confusion_matrix([answered(labels, predicted)], 2)


@pytest.fixture
def learn(made, tmp_path):
    """A saved run whose models gave these answers: {model: a list a seed of (labels, predicted)}."""

    def save(models, classes, names):
        run = made.run("accuracy", "Who?", made.task_axes)
        run.tasks = [made.card(classes=names)]
        for model, seeds in models.items():
            for seed, pairs in enumerate(seeds):
                given = answered(*pairs)
                record = run.learnt(made.task(model, seed, classes=classes), given.correct, family=model)
                run.answered[predictions_file(Path(TRAINING) / record.identity, 32)] = given
        return run.results(run.save(tmp_path / "run"))

    return save


def test_a_matrix_is_in_percent_of_its_row_and_over_all_seeds(learn, tmp_path):
    labels = [0] * 4 + [1] * 8
    results = learn(
        {"_a": [(labels, [0] * 4 + [1] * 8), (labels, [0, 0, 1, 1] + [1] * 8)]}, 3, ["cat", "<dog>", "never"]
    )
    (plot,) = write_confusion_plots(results, tmp_path / "plots")
    said = texts(plot)
    assert said.count("75") == 1 and said.count("25") == 1 and said.count("100") == 1  # 6 and 2 of 8, 16 of 16
    assert {"cat  (8)", "<dog>  (16)", "never  (0)", "answer"} <= set(said)
    assert "What _a answered (digits, 32 px, 3 classes; 2 seeds together)" in said
    assert plot.alt.endswith("22 of 24 right. Most often cat was taken for <dog> (2 of 8).")
    assert plot.shows == ("_a",)


def test_names_that_are_alike_once_shortened_keep_their_number(learn, tmp_path):
    names = [f"a class whose name is long {middle} and ends alike" for middle in "xyz"]
    results = learn({"a": [([0, 1, 2], [0, 1, 1])]}, 3, names)
    (plot,) = write_confusion_plots(results, tmp_path / "plots")
    assert len({text for text in texts(plot) if "…" in text and "(" not in text}) == 3


def test_many_classes_become_a_list_of_pairs(learn, tmp_path):
    labels = numpy.repeat(numpy.arange(40), 5)
    wrong = numpy.where(labels == 7, 9, labels)
    wrong[0] = 3
    results = learn({"a": [(labels, wrong)], "perfect": [(labels, labels)]}, 40, [f"c{i}" for i in range(40)])
    (plot,) = write_confusion_plots(results, tmp_path / "plots")
    said = texts(plot)
    assert {"c7 → c9", "100 % of 5", "c0 → c3", "20 % of 5"} <= set(said)
    assert "The 2 pairs shown make 6 of 6 errors." in plot.alt and plot.svg.stat().st_size < 20_000


def test_twenty_classes_stay_small(learn, tmp_path):
    rng = numpy.random.default_rng(0)
    labels = rng.integers(0, 20, 4000)
    results = learn({"a": [(labels, numpy.where(rng.random(4000) < 0.8, labels, (labels * 7 + 1) % 20))]}, 20, [])
    (plot,) = write_confusion_plots(results, tmp_path / "plots")
    assert plot.svg.stat().st_size < 60_000 and "19" in texts(plot)


def test_missing_and_altered_answers_are_left_out(learn, tmp_path):
    good = ([0, 1], [0, 1])
    results = learn({"kept": [good], "gone": [good], "altered": [good]}, 2, ["a", "b"])
    files = [
        predictions_file(results.folder / TRAINING / cell.identity, 32)
        for cell in results.plan.cells
        if cell.cell.model in ("gone", "altered")
    ]
    files[0].unlink()
    files[1].write_bytes(dump_predictions(answered([0, 1], [0, 7])))
    assert [plot.shows for plot in write_confusion_plots(results, tmp_path / "plots")] == [("kept",)]
