"""Claims as data, judged by records: each promise of a document with its verdict and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement
    from suites.results import Results


def judge(results: Results, extra: Sequence[Path] = ()) -> list[Judgement]:
    """A verdict on every claim of the built-in documents and of the ``extra`` claims files, in their order.

    Raises ``UsageError`` with file, line and column where a claims file is wrong.
    """
    from reports.claims.engine import judge as judged

    return judged(results, extra)
