"""Paired tests: against SciPy's binomial test and closed forms, and on data without any difference."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from baselines.errors import UsageError
from reports.accuracy.mcnemar import EXACT_UP_TO, compare, holm, mcnemar


def discordant(made, first_only, second_only, both=50):
    """Two models' answers with these counts."""
    first = [True] * first_only + [False] * second_only + [True] * both
    second = [False] * first_only + [True] * second_only + [True] * both
    return made.predictions(first), made.predictions(second)


@given(st.integers(0, 60), st.integers(0, 60))
def test_few_differences_are_tested_exactly(first, second):
    p, test = mcnemar(first, second)
    assert p == pytest.approx(binomtest(first, first + second).pvalue if first + second else 1)
    assert test == ("exact" if first + second else "none")


@pytest.mark.parametrize(("first", "second"), [(600, 500), (520, 500), (700, 400), (600, 600)])
def test_many_differences_have_a_continuity_correction(first, second):
    assert first + second > EXACT_UP_TO
    p, test = mcnemar(first, second)
    closed = math.erfc(math.sqrt(max(0, abs(first - second) - 1) ** 2 / (first + second) / 2))
    assert (p, test) == (pytest.approx(closed), "chi-square")
    assert p == pytest.approx(binomtest(first, first + second).pvalue, rel=0.02)


def test_the_same_answers_differ_in_nothing(made):
    answers = [made.predictions([True, False] * 20) for _ in range(3)]
    for seeds in (1, 3):
        same = compare(answers[:seeds], answers[:seeds])
        assert (same.p, same.test, same.difference, same.first_only) == (1, "none", 0, 0)
        assert same.low < 0 < same.high


def test_the_difference_has_bonett_and_prices_interval(made):
    paired = compare(*([answers] for answers in discordant(made, 12, 3, both=85)))
    low, high = 4 / 102, 13 / 102
    reach = norm.ppf(0.975) * math.sqrt((low + high - (high - low) ** 2) / 102)
    assert paired.difference == pytest.approx(0.09)
    assert (paired.low, paired.high) == pytest.approx((high - low - reach, high - low + reach))
    assert (paired.first_only, paired.second_only, paired.examples) == (12, 3, 100)
    assert paired.p == pytest.approx(binomtest(3, 15).pvalue)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 3))
def test_who_comes_first_changes_the_sign_alone(made, first, second, seeds):
    one, other = discordant(made, first, second)
    there, back = compare([one] * seeds, [other] * seeds), compare([other] * seeds, [one] * seeds).reversed
    assert (there.difference, there.low, there.high) == pytest.approx((back.difference, back.low, back.high))
    assert (there.p, there.first_only, there.by_seed) == (pytest.approx(back.p), back.first_only, back.by_seed)


def test_a_seed_repeated_is_no_further_evidence(made):
    one, other = discordant(made, 18, 6, both=300)
    once, thrice = compare([one], [other]), compare([one] * 3, [other] * 3)
    assert (thrice.first_only, thrice.second_only, thrice.test) == (54, 18, "clustered")
    assert thrice.p == pytest.approx(math.erfc(math.sqrt(11**2 / 24 / 2)))  # McNemar's, corrected, of one seed
    assert thrice.p == pytest.approx(once.p, rel=0.1)
    assert mcnemar(54, 18)[0] < thrice.p / 100
    assert thrice.low == pytest.approx(once.low) and thrice.high == pytest.approx(once.high)


def test_seeds_that_disagree_make_it_less_sure(made):
    better, worse = discordant(made, 18, 6, both=300)
    steady = compare([better] * 3, [worse] * 3)
    mixed = compare([better, better, worse], [worse, worse, better])
    assert mixed.p > 0.2 > steady.p
    assert mixed.by_seed == pytest.approx((12 / 324, 12 / 324, -12 / 324))
    assert mixed.high - mixed.low > steady.high - steady.low


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.0), (3, 0.15)])
def test_equal_models_are_told_apart_no_more_often_than_allowed(made, seeds, between):
    """Examples are easy or hard for each model by itself too, so its seeds err alike; seeds are good or bad. 500 runs
    give 5 % +- 2 (two standard errors), and the interval holds 0 as often."""
    rng, found, outside, runs = numpy.random.default_rng(3), 0, 0, 500
    for _ in range(runs):
        shared = 1.3 + rng.normal(size=200)
        sides = []
        for _side in range(2):
            own = shared + 0.7 * rng.normal(size=200)
            skill = between * rng.normal(size=(seeds, 1))
            sides.append([made.predictions(row) for row in own + skill + 0.5 * rng.normal(size=(seeds, 200)) > 0])
        paired = compare(*sides)
        found += paired.p < 0.05
        outside += not paired.low <= 0 <= paired.high
    assert found / runs <= 0.07
    assert outside / runs <= 0.07


def test_a_clear_difference_is_found(made):
    rng = numpy.random.default_rng(5)
    sides = [[made.predictions(rng.random(400) < accuracy) for _ in range(3)] for accuracy in (0.9, 0.8)]
    paired = compare(*sides)
    assert paired.p < 0.01 and paired.low > 0.03


def test_a_sequence_counts_by_its_share_of_right_places(made):
    one = made.predictions([True, True, True, True, False, True], places=2)
    other = made.predictions([True, False, False, False, True, True], places=2)
    paired = compare([one], [other])
    assert (paired.first_only, paired.second_only, paired.examples, paired.test) == (2, 1, 3, "clustered")
    assert paired.difference == pytest.approx((0.5 + 1 - 0.5) / 3) == pytest.approx(one.accuracy - other.accuracy)


def test_models_that_get_no_whole_sequence_right_are_told_apart_by_their_places(made):
    rng = numpy.random.default_rng(7)
    one, other = (made.predictions(rng.random(1600) < right, places=16) for right in (0.6, 0.3))
    assert not one.whole.any() and not other.whole.any()
    paired = compare([one], [other])
    assert paired.p < 1e-6
    assert paired.low < 0.3 < paired.high < 0.4


def test_equal_models_of_places_are_told_apart_no_more_often_than_allowed(made):
    """A sequence is easy or hard for a model, so its places err together; 500 runs give 5 % +- 2."""
    rng, found = numpy.random.default_rng(11), 0
    for _ in range(500):
        sides = [made.predictions((rng.random((200, 8)) < rng.random((200, 1))).ravel(), places=8) for _ in range(2)]
        found += compare([sides[0]], [sides[1]]).p < 0.05
    assert 0.02 <= found / 500 <= 0.07


def test_other_examples_and_unequal_numbers_of_seeds_are_refused(made):
    answers = made.predictions([True] * 6)
    for other in (made.predictions([True] * 8), made.predictions([True] * 6, places=2)):
        with pytest.raises(UsageError, match="different test examples"):
            compare([answers], [other])
    for first, second in (([], []), ([answers], [answers, answers])):
        with pytest.raises(ValueError, match="seeds can't be paired"):
            compare(first, second)


def test_holm():
    assert holm([]) == []
    assert holm([0.03]) == [0.03]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Holm's steps by hand
    assert holm([0.9, 0.8]) == [1, 1]
