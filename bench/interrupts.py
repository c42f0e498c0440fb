"""Ctrl-C and SIGTERM at moments of our choosing."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interrupt_later() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended, then let them through.

    For what must not be left half done: a line being written, a process being started.
    """
    caught: list[tuple[int, FrameType | None]] = []
    numbers: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)
    try:
        before = {number: signal.signal(number, lambda s, frame: caught.append((s, frame))) for number in numbers}
    except ValueError:  # not the main thread, where Python never delivers signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number, frame in caught[:1]:
        handler = before[number]
        if callable(handler):
            handler(number, frame)
        else:
            signal.raise_signal(number)


@contextlib.contextmanager
def terminate_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM stop a run as cleanly as Ctrl-C does."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
