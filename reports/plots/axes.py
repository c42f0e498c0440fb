"""The axes of a scaling plot: token and figure ticks that read as such, image sizes on top, guides of slope 1 and 2."""

from __future__ import annotations

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from reports.format import figure

_GUIDE = "0.6"


def scale_axes(axes: Axes, unit: str) -> None:
    """Logarithmic both ways; x in powers of two, y with prefixes, bytes in powers of two."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2 if unit == "B" else 10)
    axes.margins(x=0.05, y=0.08)
    axes.set_xlim(*axes.get_xlim())  # guides drawn later must not stretch the axes
    low, high = axes.get_ylim()
    if high / low < 4:  # nearly flat lines: noise must not fill the axes as if it were growth
        low, high = low / 2, high * 2
    axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(LogLocator(base=2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tokens, _: f"{tokens:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("tokens")
    subs = (1.0, 2.0, 5.0) if high / low < 1e3 and unit != "B" else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(base=2 if unit == "B" else 10, subs=subs, numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, unit)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def tick(value: float, unit: str) -> str:
    """A figure beside an axis: `2 ms`, not `2.00 ms`."""
    number, _, prefix = figure(value, unit).partition(" ")
    return f"{float(number.replace(',', '')):g} {prefix}".rstrip()


def label_sizes(axes: Axes, sizes: Mapping[int, str]) -> None:
    """A second axis on top with the image sizes that were measured, which say what tokens are."""
    axes.set_xlabel("tokens, (H/16)·(W/16)")
    top = axes.secondary_xaxis("top")
    top.xaxis.set_major_locator(FixedLocator([float(tokens) for tokens in sizes]))
    top.xaxis.set_minor_locator(NullLocator())
    names = {float(tokens): name for tokens, name in sizes.items()}
    top.xaxis.set_major_formatter(FuncFormatter(lambda tokens, _: names.get(tokens, "")))
    crowded = len(sizes) > 8 or any("x" in name for name in sizes.values())
    top.tick_params(axis="x", labelsize=8, length=3, rotation=45 if crowded else 0)
    top.set_xlabel("image size in pixels", fontsize=8)


def draw_guides(axes: Axes, *, falling: bool) -> None:
    """Light lines of slope 1 and 2 (-1 and -2 where ``falling``) through the corner where short sequences stand."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    start, sign = (top, -1) if falling else (bottom, 1)
    for power, name in ((1, "L"), (2, "L²")):
        room = math.log(top / bottom) / power
        end = min(right, left * math.exp(room))
        reached = start * (end / left) ** (sign * power)
        axes.plot([left, end], [start, reached], color=_GUIDE, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        at_side = end == right
        axes.annotate(
            f"∝ 1/{name}" if falling else f"∝ {name}",
            (end, reached),
            xytext=(3, 0) if at_side else (-17, 9 if falling else -9),
            textcoords="offset points",
            ha="left" if at_side else "right",
            va="center",
            fontsize=8,
            color="0.45",
            annotation_clip=False,
        )


def cost_axis(axes: Axes, unit: str) -> None:
    """A logarithmic x-axis of a figure with a unit, with ticks that don't run into each other. Call it last."""
    axes.set_xscale("log", base=2 if unit == "B" else 10)
    axes.margins(x=0.12)
    low, high = axes.get_xlim()
    if high / low < 1.5:  # what hardly differs must not look as if it did
        low, high = low / 1.25, high * 1.25
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(round_numbers(low, high, unit)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, unit)))
    axes.xaxis.set_minor_locator(NullLocator())


def round_numbers(low: float, high: float, unit: str) -> list[float]:
    """Two to eight round numbers from ``low`` to ``high`` for a logarithmic axis; of bytes, round in their prefix."""
    if high / low < 4:
        base = 1024 if unit == "B" else 1000
        scale = float(base) ** math.floor(math.log(high, base))
        step = _step((high - low) / scale / 4)
        first, last = math.ceil(low / scale / step - 1e-9), math.floor(high / scale / step + 1e-9)
        return [scale * step * number for number in range(first, last + 1)]
    base = 2 if unit == "B" else 10
    powers = range(math.floor(math.log(low, base)), math.ceil(math.log(high, base)) + 1)
    for leading in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)) if base == 10 else ((1,),):
        found = [first * float(base) ** power for power in powers for first in leading]
        found = [number for number in found if low <= number <= high]
        if len(found) <= 8:
            return found
    return found[:: math.ceil(len(found) / 8)]


def _step(width: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``width``."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(number * power for number in (1, 2, 5, 10) if number * power >= width * (1 - 1e-9))
