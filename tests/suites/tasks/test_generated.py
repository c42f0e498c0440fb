"""Every generated task can be solved by a plain program that knows its rules, and keeps its splits apart."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.tasks import TASKS, listops, pathfinder
from suites.tasks.errors import DataError
from suites.tasks.generated import FEWEST, TEST_TOKENS, SplitSizes, TokenExamples, assemble, choose
from suites.tasks.induction_heads import TASK as INDUCTION
from suites.tasks.listops import TASK as LISTOPS
from suites.tasks.mqar import TASK as MQAR
from suites.tasks.pathfinder import TASK as PATHFINDER
from suites.tasks.selective_copying import TASK as COPYING
from suites.tasks.task import IGNORED, SequenceInput, TaskData

GENERATED = {  # a training length, and lengths to test on
    "mqar": (64, (32, 128)),
    "selective_copying": (64, (32, 200)),
    "induction_heads": (64, (8, 512)),
    "listops": (64, (32, 200)),
    "pathfinder": (1024, ()),
}
SMALL = SplitSizes(train=120, validation=40, test=60)
seeds = st.integers(0, 2**63 - 1)


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pathfinder, "_IMAGES", 600)
    monkeypatch.setattr(listops, "_TREES", 512)


@pytest.fixture(params=GENERATED)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    module = sys.modules[type(TASKS.load(request.param)).__module__]
    monkeypatch.setattr(module, "COUNTS", SMALL)
    return str(request.param)


def load(name: str, seed: int = 0) -> TaskData:
    size, test_sizes = GENERATED[name]
    return TASKS.load(name).load(None, size, test_sizes=test_sizes, seed=seed)


def everything(examples: Any) -> tuple[Any, torch.Tensor]:
    batch = examples.batch(torch.arange(len(examples)))
    return batch.inputs, batch.labels


def test_a_task_says_what_it_gives(name: str) -> None:
    data, (size, test_sizes) = load(name), GENERATED[name]
    assert isinstance(data.input, SequenceInput) and data.input.vocabulary is not None
    assert list(data.tests) == [size, *test_sizes]
    for length, examples in [(size, data.train), (size, data.validation), *data.tests.items()]:
        batch = examples.batch(torch.tensor([2, 0]))
        assert batch.inputs.dtype == batch.labels.dtype == torch.int64
        assert batch.inputs.shape == (2, length)
        assert batch.labels.shape == ((2, length) if data.input.pooling == "" else (2,))
        assert torch.equal(batch.labels, examples.labels()[[2, 0]])
        tokens, labels = everything(examples)
        assert tokens.min() >= 0 and tokens.max() < data.input.vocabulary
        assert set(labels.unique().tolist()) <= {IGNORED, *range(len(data.classes))}


def test_no_example_stands_in_two_splits_or_twice(name: str) -> None:
    data = load(name)
    train, validation, test = (
        [tuple(row) for row in everything(part)[0].tolist()]
        for part in (data.train, data.validation, next(iter(data.tests.values())))
    )
    assert len(train) + len(validation) + len(test) == len({*train, *validation, *test})


def test_the_seed_decides_every_byte(name: str) -> None:
    one, again, other = load(name), load(name), load(name, seed=1)
    assert one.digest == again.digest != other.digest
    assert torch.equal(everything(one.train)[0], everything(again.train)[0])
    for mine, theirs in zip(
        (one.train, one.validation, *one.tests.values()),
        (other.train, other.validation, *other.tests.values()),
        strict=True,
    ):
        assert not torch.equal(everything(mine)[0][:20], everything(theirs)[0][:20])


def test_further_test_lengths_change_nothing_else(name: str) -> None:
    size, _ = GENERATED[name]
    alone, together = TASKS.load(name).load(None, size), load(name)
    assert torch.equal(everything(alone.train)[0], everything(together.train)[0])
    assert torch.equal(everything(alone.tests[size])[0], everything(together.tests[size])[0])


@pytest.mark.parametrize(("name", "size"), [("mqar", 63), ("mqar", 30), ("selective_copying", 31), ("pathfinder", 900)])
def test_a_length_that_holds_no_example_is_an_error(name: str, size: int) -> None:
    with pytest.raises(DataError, match=f"{name}: .*{size}"):
        TASKS.load(name).load(None, size)


def test_earlier_results_are_of_the_same_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests as they were when the tasks were made: where one changes, old records are of other data."""
    monkeypatch.setattr(sys.modules[type(INDUCTION).__module__], "COUNTS", SMALL)
    monkeypatch.setattr(listops, "COUNTS", SMALL)
    assert (load("induction_heads").digest, load("listops").digest) == ("9313e96b9600ad64", "3b5624ca808c1d44")


# --- what the tasks share


def test_repeats_are_left_out_and_counted() -> None:
    drawn = iter([range(10), [8, 9, *range(10, 20), 10], [5, 15, *range(20, 30)]])

    def draw(count: int, length: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = torch.tensor(list(next(drawn)))
        return numbers[:, None].expand(count, length), numbers

    made = assemble(MQAR.info, draw, SplitSizes(10, 13, 12), ("a",), SequenceInput(length=4, vocabulary=64))
    assert made.train.labels().tolist() == list(range(10))
    assert made.validation.labels().tolist() == list(range(10, 20))
    assert made.tests[4].labels().tolist() == list(range(20, 30))
    assert made.notes == ("repeats left out: train 0, validation 3, test 4 2",)


def test_sequences_too_short_to_differ_are_an_error() -> None:
    def draw(count: int, length: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(count, length, dtype=torch.int64), torch.zeros(count, dtype=torch.int64)

    with pytest.raises(DataError, match=r"mqar: 9 of 10 examples of train repeat others: take longer"):
        assemble(MQAR.info, draw, SplitSizes(10, 10, 10), ("a",), SequenceInput(length=4, vocabulary=2))


def test_very_long_sequences_are_fewer() -> None:
    def draw(count: int, length: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.arange(count) + seed % 10_000 * 10_000
        return torch.stack([rows % 256, rows // 256 % 256, rows // 65536], dim=1), rows

    sizes = (TEST_TOKENS // 500, TEST_TOKENS)
    made = assemble(MQAR.info, draw, SplitSizes(9, 9, 700), ("a",), SequenceInput(length=4), test_sizes=sizes)
    assert [len(examples) for examples in made.tests.values()] == [700, 500, FEWEST]


def test_padding_is_masked() -> None:
    examples = TokenExamples(torch.tensor([[3, 1, 0], [2, 2, 2]]), torch.tensor([1, 0]), padding=0)
    mask = examples.batch(torch.tensor([1, 0])).mask
    assert mask is not None and mask.tolist() == [[True, True, True], [True, True, False]]


@given(st.integers(1, 9), st.data(), seeds)
@settings(max_examples=30, deadline=None)
def test_choices_are_without_replacement(things: int, data: st.DataObject, seed: int) -> None:
    picks = data.draw(st.integers(1, things))
    chosen = choose(torch.rand(things) + 0.1, 7, picks, torch.Generator().manual_seed(seed))
    assert chosen.shape == (7, picks) and all(len(set(row)) == picks <= things for row in chosen.tolist())


def test_choices_follow_the_weights() -> None:
    """Against the closed form of two draws without replacement; 6 standard deviations, so never by chance."""
    weights, count = torch.tensor([1.0, 2.0, 5.0]), 40_000
    chosen = choose(weights, count, 2, torch.Generator().manual_seed(0))
    share = weights / weights.sum()
    for first in range(3):
        for second in {0, 1, 2} - {first}:
            expected = float(share[first] * share[second] / (1 - share[first]))
            seen = float(((chosen[:, 0] == first) & (chosen[:, 1] == second)).double().mean())
            assert abs(seen - expected) < 6 * (expected * (1 - expected) / count) ** 0.5


# --- solvers, each written from the task's rules alone


@given(seeds, st.sampled_from([32, 64, 130]))
@settings(max_examples=12, deadline=None)
def test_mqar_is_solved_by_a_dictionary(seed: int, length: int) -> None:
    for tokens, labels in zip(*[part.tolist() for part in MQAR.draw(20, length, seed)], strict=True):
        values = dict(zip(tokens[0:16:2], tokens[1:16:2], strict=True))
        asked = [place for place, label in enumerate(labels) if label != IGNORED]
        assert len(values) == 8 and all(0 < key < 128 <= value < 256 for key, value in values.items())
        assert all(labels[place] == values[tokens[place]] - 128 for place in asked)
        assert min(asked) >= 16 and sorted(tokens[place] for place in asked) == sorted(values)


def test_mqar_asks_soon_more_often_than_late() -> None:
    _, labels = MQAR.draw(4000, 64, 0)
    asked = (labels != IGNORED).sum(dim=0)[16::2]
    assert asked[0] > 1.5 * asked[4] > 1.8 * asked[-1] > 0


@given(seeds, st.sampled_from([32, 64, 150]))
@settings(max_examples=12, deadline=None)
def test_selective_copying_is_solved_by_a_filter(seed: int, length: int) -> None:
    for tokens, labels in zip(*[part.tolist() for part in COPYING.draw(20, length, seed)], strict=True):
        data = [token for token in tokens if 0 < token < 15]
        assert tokens[-16:] == [15] * 16 and set(labels[:-16]) == {IGNORED}
        assert labels[-16:] == [token - 1 for token in data]


@given(seeds, st.sampled_from([8, 64, 1000]))
@settings(max_examples=12, deadline=None)
def test_induction_is_solved_by_scanning(seed: int, length: int) -> None:
    for tokens, label in zip(*[part.tolist() for part in INDUCTION.draw(20, length, seed)], strict=True):
        assert tokens.count(15) == 2 and tokens[-1] == 15
        assert tokens[tokens.index(15) + 1] == label != 15


def evaluate(words: Iterator[str]) -> int | None:
    """The value of the next expression of ListOps; None at a closing bracket."""
    word = next(words)
    if word.isdigit():
        return int(word)
    if word == "]":
        return None
    arguments = list(iter(lambda: evaluate(words), None))
    assert 2 <= len(arguments) <= 10
    if word == "[SM":
        return sum(arguments) % 10
    if word == "[MED":
        return int(statistics.median(arguments))
    return max(arguments) if word == "[MAX" else min(arguments)


@given(seeds, st.sampled_from([32, 64, 200]))
@settings(max_examples=6, deadline=None)
def test_listops_is_solved_by_an_evaluator(seed: int, length: int) -> None:
    for tokens, label in zip(*[part.tolist() for part in LISTOPS.draw(40, length, seed)], strict=True):
        words = [listops.TOKENS[token] for token in tokens]
        text = words[: words.index("")]
        rest = iter(text)
        assert evaluate(rest) == label and next(rest, None) is None
        assert length // 4 < len(text) < length and not any(words[len(text) :])
        depths = np.cumsum([word.startswith("[") - (word == "]") for word in text])
        assert depths.max() <= 9 and (depths[:-1] > 0).all()  # digits of the deepest lists are at depth 10


def test_listops_answers_and_operators_are_spread_as_its_rules_say() -> None:
    tokens, labels = LISTOPS.draw(2000, 128, 0)
    assert labels.bincount(minlength=10).min() > 0.04 * len(labels)
    operators = tokens[tokens > 10].bincount(minlength=16)[11:15]
    assert operators.min() > 0.95 * operators.max()


def solve_pathfinder(image: np.ndarray) -> bool:
    """Whether the centres of the two discs are linked by steps of 2 pixels at most, in y and in x."""
    bright = {(int(y), int(x)) for y, x in np.argwhere(image == 255)}
    square = {(y, x): {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} for y, x in bright}
    centres = [place for place, around in square.items() if around <= bright]
    assert len(centres) == 2 and len(bright) == 18
    lit = ({(int(y), int(x)) for y, x in np.argwhere(image > 0)} - bright) | set(centres)
    reached, edge = {centres[0]}, [centres[0]]
    while edge:
        y, x = edge.pop()
        near = {(y + i, x + j) for i in range(-2, 3) for j in range(-2, 3)} & lit - reached
        reached |= near
        edge.extend(near)
    return centres[1] in reached


def test_pathfinder_is_solved_by_connected_components() -> None:
    images, labels = PATHFINDER.draw(150, 1024, 5)
    assert [solve_pathfinder(image) for image in images.reshape(-1, 32, 32).numpy()] == labels.bool().tolist()
    assert set(images.unique().tolist()) == {0, 191, 255}


@pytest.mark.parametrize(
    ("task", "length", "classes"), [(INDUCTION, 64, 15), (PATHFINDER, 1024, 2), (COPYING, 64, 14), (MQAR, 64, 128)]
)
def test_labels_are_balanced(task: Any, length: int, classes: int) -> None:
    """Within 6 standard deviations of equal shares."""
    _, labels = task.draw(400, length, 3)
    counts = labels[labels != IGNORED].bincount(minlength=classes).double()
    expected = counts.sum() / classes
    assert len(counts) == classes and ((counts - expected).abs() < 6 * expected.sqrt()).all()


def test_the_baseline_of_listops_is_what_plain_counting_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listops, "COUNTS", SplitSizes(train=600, validation=10, test=300))
    data = LISTOPS.load(None, 64)
    (seen, answers), (asked, right) = everything(data.train), everything(data.tests[64])
    by_first: dict[int, list[int]] = {}
    for row, answer in zip(seen.tolist(), answers.tolist(), strict=True):
        by_first.setdefault(row[0], []).append(answer)
    # of equally common answers the smallest, as argmax takes it
    guess = {first: min(statistics.multimode(values)) for first, values in by_first.items()}
    hits = [guess[row[0]] == answer for row, answer in zip(asked.tolist(), right.tolist(), strict=True)]
    assert data.info.baseline.accuracy == pytest.approx(sum(hits) / len(hits))
