from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

from suites.estimate import PERCENTILE_MINIMUM, Estimate, exact, median_interval, sampled


@pytest.mark.parametrize("n", [6, 7, 10, 25, 64, 101, 500, 1000])
def test_coverage_is_that_of_the_binomial_distribution(n: int) -> None:
    ranks = [float(i) for i in range(n)]
    low, high, confidence = median_interval(ranks)
    k = int(low)
    assert high == n - 1 - k
    assert confidence == pytest.approx(1 - 2 * binom.cdf(k, n, 0.5))
    assert confidence >= 0.95
    assert 1 - 2 * binom.cdf(k + 1, n, 0.5) < 0.95  # and no narrower pair reaches it


def test_a_great_many_samples_still_get_an_interval() -> None:
    low, high, confidence = median_interval([float(i) for i in range(5000)])
    assert confidence == 0.95
    assert binom.cdf(high - 1, 5000, 0.5) - binom.cdf(low, 5000, 0.5) >= 0.949


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_too_few_samples_say_how_little_they_cover(n: int) -> None:
    low, high, confidence = median_interval([float(i) for i in range(n)])
    assert (low, high) == (0, n - 1)
    assert confidence == pytest.approx(1 - 2 * 0.5**n)


@pytest.mark.parametrize("draw", [random.Random(1).lognormvariate, random.Random(2).gauss])
def test_the_interval_covers_the_median_as_often_as_it_says(draw: object) -> None:
    true = 1.0 if draw.__name__ == "lognormvariate" else 0.0  # type: ignore[attr-defined]
    hits = 0
    for _ in range(2000):
        low, high, _ = median_interval(sorted(draw(0, 1) for _ in range(30)))  # type: ignore[operator]
        hits += low <= true <= high
    assert 0.94 <= hits / 2000 <= 0.99  # 95.7 % by the binomial, since ranks are whole


def test_processes_that_disagree_widen_the_interval() -> None:
    alike = sampled([[1.0] * 20, [1.0] * 20, [1.0] * 20], "s", "test")
    differ = sampled([[1.0] * 20, [1.1] * 20, [1.0] * 20], "s", "test")
    assert alike.half_width == 0
    assert (differ.low, differ.high) == (1.0, 1.1)


def test_processes_weigh_alike_however_many_samples_each_took() -> None:
    assert sampled([[1.0] * 6, [1.0] * 6, [2.0] * 600], "s", "test").value == 1.0


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 5, 6, 9])
def test_confidence_is_the_coverage_over_processes(processes: int) -> None:
    """Simulated: the truth is the centre of the processes, each off by 3 %, its samples by 1 %."""
    draw = random.Random(processes)
    hits, trials = 0, 1500
    for _ in range(trials):
        centres = [draw.gauss(1, 0.03) for _ in range(processes)]
        estimate = sampled([[draw.gauss(c, 0.01) for _ in range(15)] for c in centres], "s", "test")
        hits += estimate.low <= 1 <= estimate.high
    if processes > 1:  # one process speaks of itself alone
        assert hits / trials >= estimate.confidence - 0.03


def test_an_estimate_that_does_not_follow_from_its_samples_is_refused() -> None:
    stored = sampled([[1.0, 2.0, 3.0]], "s", "test").model_dump()
    for change in ({"value": 1e-9}, {"low": 5.0}, {"n": 9}, {"confidence": 0.99}, {"samples": []}, {"samples": [[]]}):
        with pytest.raises(ValidationError):
            Estimate.model_validate({**stored, **change})


@given(st.lists(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30), min_size=1, max_size=8))
def test_every_statistic_can_be_computed_again_from_the_samples(samples: list[list[float]]) -> None:
    estimate = sampled(samples, "s", "test")
    again = sampled(estimate.samples, "s", "test")
    assert again == estimate
    assert estimate.n == sum(map(len, samples))
    assert estimate.value == statistics.median(statistics.median(p) for p in samples)
    assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_a_percentile_is_printed_only_from_enough_samples(percent: int) -> None:
    enough = PERCENTILE_MINIMUM[percent]
    assert sampled([[float(i) for i in range(enough - 1)]], "s", "t").percentile(percent) is None
    value = sampled([[float(i) for i in range(enough)]], "s", "t").percentile(percent)
    assert value == math.ceil(percent / 100 * enough) - 1


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_the_minimum_for_a_percentile_is_the_least_with_99_percent_confidence(percent: int) -> None:
    enough = PERCENTILE_MINIMUM[percent]
    assert binom.cdf(1, enough, 1 - percent / 100) <= 0.01 < binom.cdf(1, enough - 1, 1 - percent / 100)


def test_an_exact_figure_has_no_width() -> None:
    estimate = exact(42, "1", "counted")
    assert (estimate.low, estimate.high, estimate.half_width, estimate.confidence) == (42, 42, 0, 1)


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one sample from each process"):
        sampled([[]], "s", "test")
