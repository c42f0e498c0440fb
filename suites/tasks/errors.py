"""What can be wrong with data."""

from __future__ import annotations

from baselines.errors import UsageError


class DataError(UsageError):
    """Data that can't be used: one line that says what, where and what to do."""


class DataMissing(DataError):
    """Data that are not here: one line that says where they were looked for and how to get them."""
