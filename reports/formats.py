"""The forms that a report is written in. A new one is a function and its entry in ``FORMATS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.errors import UsageError
from baselines.registry import unknown_name
from reports.plots.looks import Plot
from suites.results import Results

if TYPE_CHECKING:
    import pandas

    from reports.claims.judgement import Judgement


@dataclass(frozen=True)
class Material:
    """What all forms are made from, each part of it once."""

    results: Results
    judgements: Sequence[Judgement]

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return self.results.folder

    @cached_property
    def plots(self) -> Mapping[str, list[Plot]]:
        """All figures, written into ``plots/``, by the heading that they stand under."""
        from reports.figures import write_figures

        return write_figures(self.results, self.folder / "plots")

    @cached_property
    def tables(self) -> Mapping[str, pandas.DataFrame]:
        """Tables of plain numbers by name."""
        from reports.tables import frames

        return frames(self.results, self.judgements)


def _markdown(material: Material) -> Path:
    from reports.markdown import write_markdown

    return write_markdown(material.results, material.judgements, material.plots, material.folder / "report.md")


def _html(material: Material) -> Path:
    from reports.html.page import write_html

    return write_html(material.results, material.judgements, material.plots, material.folder / "report.html")


def _csv(material: Material) -> Path:
    from reports.tables import write_csv

    write_csv(material.tables, material.folder / "tables")
    return material.folder / "tables"


def _parquet(material: Material) -> Path:
    from reports.tables import write_parquet

    write_parquet(material.tables, material.folder / "tables")
    return material.folder / "tables"


def _latex(material: Material) -> Path:
    from reports.latex_tables import write_latex_tables

    write_latex_tables(material.results, material.judgements, material.folder / "tables")
    return material.folder / "tables"


FORMATS: dict[str, Callable[[Material], Path]] = {
    "md": _markdown, "html": _html, "csv": _csv, "latex": _latex, "parquet": _parquet,
}  # fmt: skip
"""By name; each returns the file, or the folder of the files, that it wrote."""


def check(names: Sequence[str]) -> None:
    """Raise ``UsageError`` with the nearest name for a form that there is not, and where none is named."""
    if not names:
        raise UsageError(f"no format is named; known: {', '.join(FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
