"""Floor 4: everything derived from records: tidy tables, fits, comparisons, plots and reports. Never runs a model.

>>> import reports
>>> reports.load("results/scaling-20260131T120000Z-1a2b")  # doctest: +SKIP

Importing this package is cheap: pandas, SciPy and Matplotlib are imported when something is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

DEFAULT_FORMATS = ("md", "html", "csv")
"""What a report is written in where nothing is said."""


def load(folder: str | Path) -> pandas.DataFrame:
    """A result folder as a tidy table, a row a cell, machine and estimate (columns: ``reports.frame.COLUMNS``).

    Raises ``UsageError`` naming file and line where the folder can't be read.
    """
    from reports.frame import frame
    from suites.results import read_results

    return frame(read_results(Path(folder)))


def write_report(folder: str | Path, formats: Sequence[str] = DEFAULT_FORMATS, claims: Sequence[Path] = ()) -> Path:
    """Write a report into a result folder: ``report.md``, ``report.html``, ``plots/``, and ``tables/`` in CSV, LaTeX or
    Parquet. Returns the file, or the folder of the files, of the first format.

    Made from the records, and of tasks from what the models kept: the same give the same bytes. The ``claims`` files
    are judged beside the built-in ones. Raises ``UsageError`` for a format that there is not
    (``reports.formats.FORMATS``), naming file and line where the folder or a claims file can't be read, and where the
    report can't be written.
    """
    from baselines.errors import UsageError
    from reports.claims import judge
    from reports.formats import FORMATS, Material, check
    from suites.results import read_results

    check(formats)
    results = read_results(Path(folder))
    material = Material(results, judge(results, claims))
    try:
        written = [FORMATS[name](material) for name in dict.fromkeys(formats)]
    except OSError as error:
        raise UsageError(
            f"can't write the report in {folder}: {error.strerror or error}; the records are safe, and "
            f"'vio-bench report {folder}' makes it once there is room"
        ) from error
    return written[0]
