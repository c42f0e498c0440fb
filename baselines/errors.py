"""The one kind of error a person can cause, and therefore must be able to mend."""

from __future__ import annotations


class UsageError(Exception):
    """What was wrong, where, and what to do about it, in one line. The command prints it and exits with 2."""
