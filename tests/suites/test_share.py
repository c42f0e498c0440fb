"""A share of trials: successes, trials and Wilson's interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binomtest

from suites.estimate import Estimate, share, wilson_interval


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_scipy(drawn: tuple[int, int]) -> None:
    successes, trials = drawn
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I."""
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_a_share_keeps_its_successes_and_trials() -> None:
    accuracy = share(90.5, 100, "1", "test")
    assert (accuracy.value, accuracy.n, accuracy.samples, accuracy.exact) == (0.905, 100, [[90.5, 100.0]], False)
    assert accuracy.low < 0.905 < accuracy.high
    assert share(900, 1000, "1", "test").percentile(90) is None
    assert Estimate.model_validate_json(accuracy.model_dump_json()) == accuracy


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 5), (0, 0)])
def test_what_is_no_share_is_refused(successes: float, trials: int) -> None:
    with pytest.raises(ValueError, match="a share needs one list of successes and trials"):
        share(successes, trials, "1", "test")


def test_a_value_that_does_not_follow_from_the_trials_is_refused() -> None:
    altered = {**share(9, 10, "1", "test").model_dump(), "value": 0.99}
    with pytest.raises(ValidationError, match="do not follow from the samples"):
        Estimate.model_validate(altered)
