from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable

import pytest

from bench.sampling import CAPPED_MIN, WINDOW_MIN, sample, stationary, warm_up


def _replay(times: Iterable[float]) -> Callable[[], float]:
    """A call whose durations are made up: no clock, no waiting."""
    iterator = iter(times)
    return lambda: next(iterator)


def test_a_steady_call_is_warm_after_one_window() -> None:
    warmed = warm_up(_replay(itertools.chain([5.0], itertools.repeat(0.015))), cap_s=10)
    assert warmed.stationary
    assert warmed.first_s == 5.0
    assert warmed.calls == 1 + 8  # the first call, then an even count that spans 0.1 s


def test_a_slow_call_needs_only_the_smallest_window() -> None:
    assert warm_up(_replay(itertools.repeat(2.0)), cap_s=100).calls == 1 + WINDOW_MIN


def test_a_call_longer_than_the_cap_is_warmed_twice_and_never_called_stationary() -> None:
    warmed = warm_up(_replay(itertools.repeat(2.0)), cap_s=1)
    assert (warmed.calls, warmed.stationary) == (1 + CAPPED_MIN, False)


def test_a_falling_time_is_followed_until_it_settles() -> None:
    falling = (0.01 + 0.05 * 0.9**i for i in itertools.count())
    warmed = warm_up(_replay(falling), cap_s=100)
    assert warmed.stationary
    assert 0.05 * 0.9**warmed.calls < 0.1 * 0.01  # within a tenth of where it settles


def test_a_time_that_never_settles_ends_at_the_cap_and_says_so() -> None:
    warmed = warm_up(_replay(0.01 * 1.2**i for i in itertools.count()), cap_s=3)
    assert not warmed.stationary
    assert warmed.seconds >= 3


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 1.0, 1.2, 1.2], False),  # location differs
        ([1.0, 1.0, 1.0, 1.0, 0.7, 1.3, 0.7, 1.3], False),  # spread differs
        ([1.0, 1.02, 0.98, 1.01], True),
    ],
)
def test_halves_must_agree_in_location_and_spread(window: list[float], expected: bool) -> None:
    assert stationary(window) is expected


def test_sampling_stops_as_soon_as_the_interval_is_narrow_enough() -> None:
    assert len(sample(_replay(itertools.repeat(0.1)), target=0.02, cap_s=100, minimum=2)) == 6


def test_a_quiet_moment_does_not_stand_for_the_whole() -> None:
    assert sum(sample(_replay(itertools.repeat(0.001)), target=0.02, cap_s=100, minimum=2)) >= 0.3


def test_noise_takes_more_samples_the_narrower_the_target() -> None:
    def samples(target: float) -> int:
        noise = random.Random(0)
        return len(sample(lambda: 0.1 * noise.lognormvariate(0, 0.1), target=target, cap_s=1e6, minimum=2))

    assert samples(0.10) < samples(0.03) < samples(0.01)


def test_the_cap_ends_sampling_but_never_before_the_minimum() -> None:
    noise = random.Random(0)
    capped = sample(lambda: noise.uniform(0.5, 1.5), target=0.001, cap_s=20, minimum=2)
    assert 15 <= len(capped) <= 30
    assert len(sample(_replay(itertools.repeat(50.0)), target=0.001, cap_s=1, minimum=3)) == 3
