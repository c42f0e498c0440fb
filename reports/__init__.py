"""Floor 4: everything derived from records: tidy tables, fits, comparisons, plots and reports. Never runs a model.

>>> import reports
>>> reports.load("results/scaling-20260131T120000Z-1a2b")  # doctest: +SKIP

Importing this package is cheap: pandas, SciPy and Matplotlib are imported when something is first asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas


def load(folder: str | Path) -> pandas.DataFrame:
    """A result folder as a tidy table, a row a record and estimate (columns: ``reports.frame.COLUMNS``).

    Raises ``UsageError`` naming file and line where the folder can't be read.
    """
    from reports.frame import frame
    from suites.results import read_results

    return frame(read_results(Path(folder)))


def write_report(folder: str | Path) -> Path:
    """Write ``report.md``, ``plots/`` and ``tables/`` into a result folder and return the report's path.

    Made from the records, and of tasks from what the models answered to the test examples: the same give the same
    bytes. Raises ``UsageError`` naming file and line where the folder can't be read, or where the report can't be
    written.
    """
    from baselines.errors import UsageError
    from reports.accuracy_plots import write_accuracy_plots
    from reports.markdown import write_markdown
    from reports.plots import write_plots
    from reports.tables import write_csv
    from suites.results import read_results

    results = read_results(Path(folder))
    try:
        write_csv(results, results.folder / "tables")
        plots = write_plots(results, results.folder / "plots")
        accuracy_plots = write_accuracy_plots(results, results.folder / "plots")
        return write_markdown(results, plots, accuracy_plots, results.folder / "report.md")
    except OSError as error:
        raise UsageError(
            f"can't write the report in {folder}: {error.strerror or error}; the records are safe, and "
            f"'vio-bench report {folder}' makes it once there is room"
        ) from error
