"""Names in claims that nobody knows, told apart from those that a run merely does not have."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence

from baselines.errors import UsageError
from reports.claims.claim import Claim, Wanted
from reports.claims.documents import Document
from reports.metrics import AT_LENGTH, known
from suites.results import Results

_ALIKE = 0.8
"""A metric that nobody knows may be a plug-in's; one this near to a known name is a slip."""


def check_names(documents: Sequence[Document], results: Results, find_model: Callable[[str], object]) -> None:
    """Raise ``UsageError`` with file, line and column at the first metric or model that nobody knows.

    ``find_model`` raises one for a model; it is not asked about those of the run, nor about a user's own
    (``package.module:factory``), whose code claims have no business to import.
    """
    measured = {name for record in results.records for name in record.estimates}
    planned = {planned.cell.model for planned in results.plan.cells}
    for document in documents:
        for claim in document.claims:
            _check_metric(document, claim, known() | measured)
            _check_models(document, claim, planned, find_model)


def _check_metric(document: Document, claim: Claim, metrics: Iterable[str]) -> None:
    metric = getattr(claim, "metric", None)
    if metric is None or metric in metrics or metric.startswith((AT_LENGTH, "projected_")):
        return
    near = difflib.get_close_matches(metric, sorted(metrics), n=2, cutoff=_ALIKE)
    if near:
        where = document.where(claim, "metric")
        raise UsageError(f"{where}: claim '{claim.id}': unknown metric '{metric}'; did you mean {' or '.join(near)}?")


def _check_models(document: Document, claim: Claim, planned: set[str], find_model: Callable[[str], object]) -> None:
    for field, wanted in _selections(claim):
        for name in map(str, wanted["model"].one_of) if "model" in wanted else ():
            if name in planned or ":" in name:
                continue
            try:
                find_model(name)
            except UsageError as error:
                where = document.where(claim, *field, "model")
                raise UsageError(f"{where}: claim '{claim.id}': {error}") from error


def _selections(claim: Claim) -> Iterator[tuple[tuple[str | int, ...], dict[str, Wanted]]]:
    """Each selection of a claim, with where it stands."""
    for field in ("ours", "at"):
        yield (field,), getattr(claim, field, {})
    for index, side in enumerate(getattr(claim, "theirs", ())):
        yield ("theirs", index), side
