"""What a run says in a few sentences, and never more than its intervals do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.answers import Answer
from reports.format import between, counted, figure, listed, spread
from reports.ratios import lead, ratio, references
from reports.scaling import exponents, usual_range
from suites.record import Status


def summary(group: Sequence[Answer]) -> list[str]:
    """Sentences: how many cells were measured, who is fastest at the ends of the sweep, whose latency grows how."""
    several = len({answer.setting for answer in group}) > 1
    variants: dict[str, list[tuple[object, ...]]] = {}
    for answer in group:
        variants.setdefault(answer.setting, []).append(answer.variant)
    most = max((len(set(found)) for found in variants.values()), default=0)
    sentences = [_counts(group)]
    if most > 1:
        sentences.append(f"Timings are compared in the first of {most} variants; the tables hold all.")
    for setting in variants:
        parts = _comparable(group, setting, variants[setting][0])
        said = [sentence for part in parts for sentence in _comparison(part, group)]
        if said and several:
            said[0] = f"On {setting}: {said[0][0].lower()}{said[0][1:]}"
        sentences += said
    return sentences


def _counts(group: Sequence[Answer]) -> str:
    counts = Counter(answer.status for answer in group)
    measured = counts.pop(Status.OK.value, 0)
    said = f"{measured} of {counted(len(group), 'cell')} measured"
    others = [f"{number} {status}" for status, number in sorted(counts.items())]
    return f"{said}; {listed(others)}." if others else f"{said}."


def _comparable(group: Sequence[Answer], setting: str, variant: tuple[object, ...]) -> list[list[Answer]]:
    """Cells of one setting and variant by size class: comparisons are made inside a class, never across."""
    classes: dict[str | None, list[Answer]] = {}
    for answer in group:
        if (answer.setting, answer.variant) == (setting, variant):
            classes.setdefault(answer.planned.size_class, []).append(answer)
    return list(classes.values())


def _comparison(part: Sequence[Answer], group: Sequence[Answer]) -> list[str]:
    tokens = sorted({answer.cell.workload.tokens for answer in part})
    ends = dict.fromkeys([tokens[0], tokens[-1]])
    fastest = [_fastest([a for a in part if a.cell.workload.tokens == length], group) for length in ends]
    return [sentence for sentence in [*fastest, _growth(part)] if sentence]


def _fastest(cells: Sequence[Answer], group: Sequence[Answer]) -> str:
    """At one length: the least latency, who can't be told from it, and its ratio to the reference."""
    found = lead(cells)
    if found is None:
        blocks = {answer.block for answer in cells if "latency" in answer.figures}
        return (
            f"At {cells[0].cell.workload.title[0]} the cells were timed in different sessions, so they are not ranked."
            * (len(blocks) > 1)
        )
    best, estimate = found.best, found.best.figures["latency"]
    size_class = [f"size class {best.planned.size_class}"] if best.planned.size_class else []
    named, *details = [*best.cell.workload.title, *size_class]
    where = f"At {named}" + (f" ({', '.join(details)})" if details else "")
    time = f"{figure(estimate.value, estimate.unit)} {spread(estimate)}".rstrip()
    if not found.certain:
        said = f"{where} {best.series} has the least median, {time}; a single process a cell says no more than that"
    elif found.level:
        level = (
            f"{listed([best.series, *(answer.series for answer in found.level)])} can't be told apart as the fastest"
        )
        said = f"{where} {level}; the least median is that of {best.series}, {time}"
    else:
        said = f"{where} {best.series} is fastest: {time}"
    failed = [answer.series for answer in cells if "latency" not in answer.figures]
    return (
        said
        + (_against_reference(best, group) if found.certain else "")
        + (f"; no latency of {listed(failed)}." if failed else ".")
    )


def _against_reference(best: Answer, group: Sequence[Answer]) -> str:
    reference = references(group).get(best.key)
    if reference is None or reference is best or reference.planned.size_class != best.planned.size_class:
        return ""
    found = ratio(best, reference, "latency")
    return f", {between(found.value, found.low, found.high)} of the time of {reference.series}" if found else ""


def _growth(part: Sequence[Answer]) -> str:
    """The range of the latency exponents that were fitted over the same lengths."""
    entries = [entry for entry in exponents(part) if entry.metric == "latency"]
    usual = usual_range(entries)
    fitted = [
        (e, e.exponent) for e in entries if e.exponent and (e.exponent.tokens_low, e.exponent.tokens_high) == usual
    ]
    if usual is None or len(fitted) < 2:
        return ""
    fitted.sort(key=lambda pair: pair[1].slope)
    (least, low), (most, high) = fitted[0], fitted[-1]
    overlap = low.high is None or high.low is None or low.high >= high.low
    others = [entry.series for entry in entries if entry not in [fit for fit, _ in fitted]]
    return (
        f"From {usual[0]:,} to {usual[1]:,} tokens the fitted exponents of latency range from "
        f"{between(low.slope, low.low, low.high)} for {least.series} to {between(high.slope, high.low, high.high)} "
        f"for {most.series}"
        + (", with overlapping intervals" if overlap else "")
        + (f"; {listed(others)} could not be fitted over these lengths." if others else ".")
    )
