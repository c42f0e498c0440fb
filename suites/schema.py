"""What every stored model shares: strict fields, a docstring for each, one schema version."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

SCHEMA_VERSION = 2
"""Raised when an older reader could misread what a newer writer stores."""


class Strict(BaseModel):
    """Unknown fields are errors, instances don't change, and field docstrings reach the JSON Schema."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, protected_namespaces=()
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without zone; write UTC, e.g. 2026-01-31T12:00:00Z")
    return moment.astimezone(timezone.utc)


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A point in time in UTC."""


def now() -> datetime:
    """The current time in UTC, to the millisecond."""
    moment = datetime.now(timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
