from __future__ import annotations

import pytest

from bench import doctor
from bench.doctor import CAUTION, OK, UNFIT, Check


@pytest.mark.parametrize(
    ("check", "level"),
    [
        (doctor.check_use(3, 0.1), OK),
        (doctor.check_use(25, 1.0), CAUTION),
        (doctor.check_use(80, 4.0), UNFIT),
        (doctor.check_steal(0), OK),
        (doctor.check_steal(30), UNFIT),
        (doctor.check_jitter([1.0] * 50), OK),
        (doctor.check_jitter([1.0] * 40 + [1.2] * 10), CAUTION),
        (doctor.check_jitter([1.0] * 40 + [2.0] * 10), UNFIT),
        (doctor.check_cores(1), UNFIT),
        (doctor.check_cores(2), CAUTION),
        (doctor.check_cores(16), OK),
        (doctor.check_governor("performance"), OK),
        (doctor.check_governor("powersave"), CAUTION),
        (doctor.check_governor(None), CAUTION),
        (doctor.check_turbo("1", None), OK),
        (doctor.check_turbo("0", None), CAUTION),
        (doctor.check_turbo(None, "1"), CAUTION),
        (doctor.check_throttling(None), OK),
        (doctor.check_throttling(7), CAUTION),
        (doctor.check_swap(0), OK),
        (doctor.check_swap(2**30), CAUTION),
        (doctor.check_memory(2**33), OK),
        (doctor.check_memory(2**29), UNFIT),
    ],
)
def test_each_reading_has_its_level_and_advice_where_it_is_not_ok(check: Check, level: str) -> None:
    assert check.level == level
    assert bool(check.advice) == (level != OK)


def test_the_real_machine_is_examined_whatever_it_is() -> None:
    names = [check.name for check in doctor.examine()]
    assert names == [
        "other programs", "stolen time", "jitter", "cores", "governor", "turbo", "throttling", "swap", "memory"
    ]  # fmt: skip
