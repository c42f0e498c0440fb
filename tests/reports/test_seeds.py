"""The mean over seeds, and whether its interval holds the truth as often as it says."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t

from reports.accuracy.seeds import over_seeds
from suites.estimate import share


def shares(*right: float, examples: int = 400):
    return [share(number, examples, "1", "made up") for number in right]


@given(st.integers(1, 2000), st.floats(0, 1))
def test_with_one_seed_it_is_wilsons_interval(examples, part):
    right = round(part * examples)
    found = over_seeds(shares(right, examples=examples))
    wilson = binomtest(right, examples).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    assert (found.value, found.seeds, found.examples) == (right / examples, 1, examples)


def test_seeds_that_agree_are_worth_no_more_examples_and_seeds_that_differ_widen_it():
    one, alike, apart = (over_seeds(shares(*right)) for right in ([360], [360] * 3, [348, 360, 372]))
    assert (alike.low, alike.high) == pytest.approx((one.low, one.high))
    assert apart.value == pytest.approx(0.9) and apart.by_seed == pytest.approx((0.87, 0.9, 0.93))
    assert apart.low < one.low and apart.high > one.high


def test_where_only_seeds_differ_it_is_students_interval():
    accuracies = numpy.array([0.49, 0.5, 0.51])
    found = over_seeds(shares(*(accuracies * 1e8), examples=10**8))
    student = t.ppf(0.975, 2) * accuracies.std(ddof=1) / numpy.sqrt(3)
    assert (found.low, found.high) == pytest.approx((0.5 - student, 0.5 + student), rel=2e-3)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_it_stays_a_share_and_holds_its_value(right):
    found = over_seeds(shares(*right, examples=50))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_no_seed_is_an_error():
    with pytest.raises(ValueError, match="no share"):
        over_seeds([])


@pytest.mark.parametrize(
    ("seeds", "accuracy", "between"), [(1, 0.9, 0.0), (3, 0.9, 0.0), (3, 0.8, 0.35), (5, 0.97, 0.2)]
)
def test_the_interval_holds_the_truth_at_least_as_often_as_it_says(seeds, accuracy, between):
    """A probit model: examples are easy or hard, seeds good or bad, and both have chance of their own. The truth is the
    accuracy over all examples and all seeds. 600 runs give 95 % +- 1.8 (two standard errors)."""
    rng, held, runs = numpy.random.default_rng(1), 0, 600
    scale = numpy.sqrt(1 + 1 + between**2)  # of example + noise + seed
    level = norm.ppf(accuracy) * scale
    for _ in range(runs):
        skill = level + between * rng.normal(size=(seeds, 1))
        right = skill + rng.normal(size=(1, 300)) + rng.normal(size=(seeds, 300)) > 0
        found = over_seeds(shares(*right.sum(axis=1), examples=300))
        held += found.low <= accuracy <= found.high
    assert held / runs >= 0.93
