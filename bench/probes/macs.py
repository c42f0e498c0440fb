"""MACs and FLOPs by two independent counters, with the share of the model's arithmetic that they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.job import Findings, Pass
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from bench.mac_counters import DispatcherCount
    from bench.subject import Subject

AGREEMENT = 0.02
"""The counters must agree within this share."""
GAP = 0.90
"""Below this coverage a count is flagged wherever it is printed."""
_CHECKED_TOKENS = 256
"""A sequence is cross-checked on its first tokens: fvcore traces a scan step by step, each slower than the last."""
_FORWARD_ONLY = "forward and backward; not cross-checked, since fvcore counts forwards only"


class MacsProbe:
    """Counts what one call on the whole batch multiplies and accumulates."""

    run_in: Pass = "exact"

    def read(self, subject: Subject) -> Findings:
        """``macs``, ``flops`` (2 a MAC) and ``macs_coverage`` (0-1), with warnings for gaps and disagreement."""
        from bench.mac_counters import count_by_dispatcher

        found = Findings()
        count = count_by_dispatcher(subject.model, subject.example, backward=subject.backward)
        checked = _FORWARD_ONLY if subject.backward else self._cross_check(subject, count, found)
        method = f"FlopCounterMode on {count.on}, {checked}"
        found.exact("macs", count.macs, "1", method)
        found.exact("flops", 2 * count.macs, "1", "2 FLOPs a MAC; elementwise operators not included")
        found.exact("macs_coverage", round(count.coverage, 6), "1", "counted FLOPs / (counted + one op an element)")
        if count.coverage < GAP or count.opaque:
            found.warnings.append(_gap(count))
        return found

    def _cross_check(self, subject: Subject, count: DispatcherCount, found: Findings) -> str:
        from bench.mac_counters import count_by_dispatcher, count_by_fvcore

        example, where = subject.example, ""
        if subject.job.cell.workload.kind == "sequence" and example.shape[1] > _CHECKED_TOKENS:
            example, where = example[:, :_CHECKED_TOKENS], f" on {_CHECKED_TOKENS} tokens"
            count = count_by_dispatcher(subject.model, example)
        try:
            other = count_by_fvcore(subject.model, example)
        except Exception as error:  # fvcore needs a traceable model; a model that isn't has one counter less, no more
            found.warnings.append(_unchecked(error))
            return "not cross-checked"
        difference = abs(other - count.macs) / max(count.macs, other, 1)
        if difference > AGREEMENT:
            found.warnings.append(_disagree(count.macs, other, difference))
        return f"fvcore differs by {difference:.2%}{where}"


def _gap(count: DispatcherCount) -> MeasurementWarning:
    largest = dict(list(count.uncounted.items())[:8])
    opaque = f", and nothing of {', '.join(count.opaque)}" if count.opaque else ""
    return MeasurementWarning(
        kind="macs_gap",
        metric="macs",
        message=f"MACs cover {count.coverage:.0%} of the arithmetic{opaque}",
        evidence={"coverage": count.coverage, "uncounted_elements": largest, "opaque": count.opaque},
        advice="don't rank by MACs here: compare latency, or write the scan as matrix products",
    )


def _unchecked(error: Exception) -> MeasurementWarning:
    return MeasurementWarning(
        kind="macs_unchecked",
        metric="macs",
        message="fvcore could not trace the model, so one counter stands alone",
        evidence={"error": f"{type(error).__name__}: {str(error)[:300]}"},
        advice="make the forward traceable by torch.jit.trace to have the count checked",
    )


def _disagree(macs: int, other: int, difference: float) -> MeasurementWarning:
    return MeasurementWarning(
        kind="macs_disagree",
        metric="macs",
        message=f"the two counters differ by {difference:.1%}",
        evidence={"dispatcher": macs, "fvcore": other},
        advice="look at 'vio-bench show' for the layers; the dispatcher's count is printed",
    )


PROBE = MacsProbe()
