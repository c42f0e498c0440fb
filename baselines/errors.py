"""The errors a person can mend, and is told how to."""

from __future__ import annotations


class UsageError(Exception):
    """What was wrong, where, and what to do about it, in one line. The command prints it and exits with 2."""


class NotWritten(UsageError):
    """The operating system refused to write, as where a disk is full: once there is room, the same may succeed."""


class NotInstalled(UsageError):
    """A model needs a package that is not here; the message says how to install it."""
