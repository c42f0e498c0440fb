"""From a run to a verdict on every claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reports.accuracy.mcnemar import holm
from reports.claims.claim import Claim
from reports.claims.documents import Document, load_documents
from reports.claims.evidence import Evidence
from reports.claims.finding import Finding, hidden_by_noise
from reports.claims.judgement import Judgement, Verdict, finite
from reports.claims.kinds import KINDS
from reports.claims.learning import learnt_otherwise
from reports.claims.outcome import LEVEL
from suites.results import Results


def judge(results: Results, extra: Sequence[Path] = ()) -> list[Judgement]:
    """A verdict on every claim of the built-in documents, and then of the ``extra`` files, in their order.

    Raises ``UsageError`` with file, line and column where a claims file is wrong.
    """
    return judge_documents(load_documents(extra), results)


def judge_documents(documents: Sequence[Document], results: Results) -> list[Judgement]:
    """The same for documents that were read already."""
    evidence = Evidence(results)
    return [judgement for document in documents for judgement in judge_document(document.claims, evidence)]


def judge_document(claims: Sequence[Claim], evidence: Evidence) -> list[Judgement]:
    """The claims of one document: Holm's correction is over all of its tests that noise has a part in."""
    findings = [_found(claim, evidence) for claim in claims]
    tests = [finding.p for finding in findings if finding.p is not None]
    adjusted = iter(holm(tests))
    return [
        conclude(claim, finding, None if finding.p is None else next(adjusted), len(tests))
        for claim, finding in zip(claims, findings, strict=True)
    ]


def _found(claim: Claim, evidence: Evidence) -> Finding:
    finding = KINDS.load(claim.kind).find(claim, evidence)
    cells = [evidence.by_key[key] for key in dict.fromkeys(key for part in finding.parts for key in part.cells)]
    return replace(finding, warnings=(*finding.warnings, *learnt_otherwise(claim, cells)))


def conclude(claim: Claim, finding: Finding, p_holm: float | None, tests: int) -> Judgement:
    """The verdict: what the effect asks for, where its p after the correction is below the level."""
    verdict, why = _verdict(finding, p_holm, tests)
    if finding.told is None:
        return Judgement(claim, verdict, why)
    said = finding.told.outcome
    n = sum(part.n for part in finding.parts)
    return Judgement(
        claim=claim,
        verdict=verdict,
        why=why,
        effect=finding.effect,
        value=finite(said.value),
        low=finite(said.low),
        high=finite(said.high),
        p=finding.p,
        p_holm=p_holm,
        n=n,
        counted=finding.counted.removesuffix("s") if n == 1 else finding.counted,
        cells=tuple(dict.fromkeys(cell for part in finding.parts for cell in part.cells)),
        warnings=finding.warnings,
        parts=finding.parts,
    )


def _verdict(finding: Finding, p_holm: float | None, tests: int) -> tuple[Verdict, str]:
    if not finding.tested:
        return "untested", finding.why
    if finding.leaning is None:
        return "inconclusive", finding.why
    if finding.p is not None and p_holm is not None and p_holm >= LEVEL:
        return "inconclusive", hidden_by_noise(finding.p, p_holm, tests)
    return finding.leaning, finding.why
