"""Claims as they stand in YAML files: read strictly, each mistake shown at its line with what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from baselines.errors import UsageError
from reports.claims.claim import Claim, nearest
from reports.claims.kinds import KINDS
from suites.yaml_marks import Location, MarkedYaml

BUILTIN = Path(str(files("reports"))) / "claims"

_FILLED_IN = ("document", "title")
_FORM = "a claims file is a mapping with document, title and claims"
_TOP = ("document", "title", "claims")


@dataclass(frozen=True)
class Document:
    """A document's claims, and the file they stand in, so that later errors still name its lines."""

    name: str
    title: str
    claims: list[Claim]
    source: MarkedYaml

    def where(self, claim: Claim, *field: int | str) -> str:
        """``file:line:column`` of a claim's field."""
        index = next(i for i, own in enumerate(self.claims) if own is claim)  # another may say the same
        return self.source.where(("claims", index, *_as_written(field, self.source.data["claims"][index])))


def load_documents(extra: Sequence[Path] = ()) -> list[Document]:
    """The built-in documents in the order of their names, then the user's as they come.

    Raises ``UsageError`` with file, line and column for whatever is wrong, and where an id or a document stands twice.
    """
    documents = [*_builtin(), *(load_document(path) for path in extra)]
    named: dict[str, Document] = {}
    placed: dict[str, str] = {}
    for document in documents:
        if document.name in named:
            raise UsageError(
                f"{document.source.where(('document',))}: document '{document.name}' is already that of "
                f"{named[document.name].source.path}; name it otherwise"
            )
        named[document.name] = document
        for claim in document.claims:
            where = document.where(claim, "id")
            if claim.id in placed:
                raise UsageError(f"{where}: id '{claim.id}' stands at {placed[claim.id]} too; choose another")
            placed[claim.id] = where
    return documents


@cache
def _builtin() -> tuple[Document, ...]:
    return tuple(load_document(path) for path in sorted(BUILTIN.glob("*.yaml")))


def load_document(path: Path) -> Document:
    """One claims file. Raises ``UsageError`` with file, line and column for whatever is wrong in it."""
    source = MarkedYaml(path, empty=_FORM)
    data = source.data
    if not isinstance(data, dict):
        raise UsageError(f"{source.where(())}: {_FORM}")
    for key in data:
        if key not in _TOP:
            raise UsageError(f"{source.where((str(key),))}: unknown key '{key}'; {nearest(str(key), _TOP)}")
    for key in _FILLED_IN:
        if not isinstance(data.get(key), str) or not data[key].strip():
            raise UsageError(f"{source.where((key,))}: '{key}' is missing or no text; give the document's {key}")
    entries = data.get("claims")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{source.where(('claims',))}: 'claims' must be a list with at least one claim")
    claims = [_claim(entry, index, source) for index, entry in enumerate(entries)]
    return Document(data["document"], data["title"], claims, source)


def _claim(entry: Any, index: int, source: MarkedYaml) -> Claim:
    here: Location = ("claims", index)
    if not isinstance(entry, dict):
        raise UsageError(f"{source.where(here)}: a claim is a mapping with id, sentence, kind and command")
    kind = entry.get("kind")
    if kind not in KINDS:
        said = "'kind' is missing" if kind is None else f"unknown kind '{kind}'"
        raise UsageError(f"{source.where((*here, 'kind'))}: {said}; {nearest(str(kind), KINDS)}")
    form = KINDS.load(str(kind)).form
    for key in _FILLED_IN:
        if key in entry:
            raise UsageError(f"{source.where((*here, key))}: '{key}' stands once, at the top of the file")
    filled = {key: source.data[key] for key in _FILLED_IN}
    try:
        return form.model_validate({**entry, **filled})
    except ValidationError as error:
        raise UsageError(_explain(error, entry, form, here, source)) from error


def _explain(error: ValidationError, entry: Any, form: type[Claim], here: Location, source: MarkedYaml) -> str:
    """The first problem in one line: where, what, and the nearest thing that would be right."""
    problems = error.errors(include_url=False)
    first = problems[0]
    inside = _written(first, entry)
    name = ".".join(map(str, inside))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known: Iterable[str] = [field for field in form.model_fields if field not in _FILLED_IN]
        known = known if len(inside) == 1 else ("at_least", "at_most")
        message = f"unknown key '{inside[-1]}' of kind {entry['kind']}; {nearest(str(inside[-1]), known)}"
    elif first["type"] == "missing":
        message = f"'{name}' is missing; a claim of kind {entry['kind']} needs it"
    else:
        message = f"{name}: {message}" if name else message
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    said = f"claim '{entry['id']}': " if isinstance(entry.get("id"), str) and inside != ("id",) else ""
    return f"{source.where((*here, *inside))}: {said}{message}{more}"


def _written(problem: ErrorDetails, entry: Any) -> Location:
    """Where a problem stands in the claim as it was written, where a key has no '[key]'."""
    return _as_written(tuple(part for part in problem["loc"] if part != "[key]"), entry)


def _as_written(field: Location, entry: Any) -> Location:
    """A single side has no index in the file."""
    return (*field[:1], *field[2:]) if field[:1] == ("theirs",) and isinstance(entry.get("theirs"), dict) else field
