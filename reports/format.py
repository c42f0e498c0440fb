"""Figures and names as people read them, and names made harmless for Markdown and spreadsheets."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Sequence

from suites.estimate import Estimate

Scale = Sequence[tuple[float, str]]

_SCALES: dict[str, Scale] = {
    "s": ((1.0, " s"), (1e-3, " ms"), (1e-6, " µs"), (1e-9, " ns")),
    "B": ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")),
    "1": ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1, "")),
    "1/s": ((1e6, " M/s"), (1e3, " k/s"), (1, " /s")),
}


_TINY = 1e-4


def figure(value: float, unit: str) -> str:
    """Three significant digits with a prefix: `29.1 ms`, `1.26 G`, `12.6 MiB`, `5.72 M`; a tiny number as `4.47e-7`."""
    if unit == "1" and 0 < abs(value) < _TINY:  # an error of rounding: its size is what counts
        number, _, power = f"{value:.2e}".partition("e")
        return f"{number}e{int(power)}"
    if value == 0 or unit not in _SCALES:
        return f"{digits(value)} {unit}".removesuffix(" 1")
    scale = _SCALES[unit]
    chosen = next((i for i, (size, _) in enumerate(scale) if abs(value) >= size), len(scale) - 1)
    base = 1024 if unit == "B" else 1000
    if chosen > 0 and abs(value) / scale[chosen][0] >= base * (1 - 0.5e-3):  # rounds up into the next prefix
        chosen -= 1
    size, name = scale[chosen]
    return digits(value / size) + name


def digits(value: float) -> str:
    """Three significant digits, never in exponent form; all digits of the integer part, grouped by thousands."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    decimals = 2 - math.floor(math.log10(abs(float(f"{value:.3g}"))))
    if decimals <= 0:
        return f"{float(f'{value:.3g}'):,.0f}" if decimals > -2 else f"{value:,.0f}"
    return f"{value:.{decimals}f}"


def percent(share: float) -> str:
    """`12 %`, `1.2 %`, `0.3 %`, `0.04 %`: whole percents from 10 on, else one decimal or one digit."""
    value = 100 * share
    if value == 0 or abs(value) >= 9.95:
        return f"{value:,.0f} %"
    return f"{value:.1f} %" if abs(value) >= 0.095 else f"{value:.1g} %"


def spread(estimate: Estimate) -> str:
    """The interval: `± 1.2 %`, or `(28.3–33.0 ms)` where the value lies far from its middle; empty if exact."""
    if estimate.exact or estimate.low == estimate.high:
        return ""
    half = (estimate.high - estimate.low) / 2
    lopsided = abs((estimate.high + estimate.low) / 2 - estimate.value) > half / 2
    if lopsided and estimate.half_width > 0.02:
        low, high = figure(estimate.low, estimate.unit), figure(estimate.high, estimate.unit)
        number, _, prefix = low.partition(" ")
        return f"({number if high.endswith(f' {prefix}') else low}–{high})"
    return f"± {percent(estimate.half_width)}"


def between(value: float, low: float | None, high: float | None) -> str:
    """A bare number with its interval: `0.61 (0.59–0.63)`, `1.00` if exact, `1.02 (?)` where its noise is unknown."""
    places = _places(value, low, high)
    shown = f"{value:.{places}f}"
    if low is None or high is None:
        return f"{shown} (?)"
    return shown if low == high else f"{shown} ({low:.{places}f}–{high:.{places}f})"


def plus_minus(value: float, low: float | None, high: float | None) -> str:
    """The same with half the interval's width, where room is scarce: `0.98 ± 0.01`."""
    if low is None or high is None or low == high:
        return f"{value:.{_places(value, low, high)}f}"
    places = _places(value, low, high)
    return f"{value:.{places}f} ± {(high - low) / 2:.{places}f}"


def _places(value: float, low: float | None, high: float | None) -> int:
    """Two decimals; up to four where two would hide the interval, or all but one digit of a value."""
    half = abs(value) if low is None or high is None else (high - low) / 2
    needed = [-math.floor(math.log10(half))] if half > 0 else []
    needed += [1 - math.floor(math.log10(abs(value)))] if value else []
    return min(4, max([2, *needed]))


def share(value: float, low: float, high: float) -> str:
    """A share in percent with its interval: `97.8 % (96.1–98.8)`."""
    places = _point_places(low, high)
    return f"{100 * value:.{places}f} % ({100 * low:.{places}f}–{100 * high:.{places}f})"


def points(value: float, low: float, high: float) -> str:
    """A difference of shares in percentage points with its interval: `−2.3 (−4.1 to −0.5)`."""
    places = _point_places(low, high)
    shown, least, most = (signed(100 * number, places) for number in (value, low, high))
    return f"{shown} ({least} to {most})"


def signed(value: float, places: int) -> str:
    """`+0.4`, `−2.3`, and `0.0` without a sign."""
    shown = f"{abs(value):.{places}f}"
    return shown if float(shown) == 0 else f"{'+' if value > 0 else '−'}{shown}"


def _point_places(low: float, high: float) -> int:
    """One decimal of a percent; two where one would hide the interval."""
    return 1 if high - low >= 0.002 else 2


def p_value(p: float) -> str:
    """`0.34`, `0.003`, `< 0.001`, and `1` where nothing differs."""
    if p < 0.001:
        return "< 0.001"
    return "1" if p > 0.995 else f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def one_line(text: str) -> str:
    """Control, format and line-breaking characters become spaces: no name may break a row or reverse the text."""
    return " ".join("".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text).split())


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def markdown(text: object) -> str:
    """Any text as the content of a Markdown cell or sentence, without power to mark up, link or break out."""
    escaped = re.sub(r"([\\`*\[\]|~$])", r"\\\1", html.escape(one_line(str(text)), quote=False))
    # inside a word an underscore means nothing to GitHub, and model names are full of them
    escaped = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", escaped)
    return re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "&#46;", escaped.replace("://", ":&#47;&#47;"))


def spreadsheet(text: str) -> str:
    """Any text as a CSV cell: one that a spreadsheet would run as a formula gets a leading apostrophe (OWASP)."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
