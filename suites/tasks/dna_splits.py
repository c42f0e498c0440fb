"""Splits of DNA files without leaks: nothing that is scored was seen before, on either strand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from suites.tasks.dna_files import Entry, Reading
from suites.tasks.examples import held_out

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class Splits:
    """What is trained on, validated on and tested on."""

    train: list[Entry]
    validation: list[Entry]
    test: list[Entry]
    labels: frozenset[str]
    """Every label in the files."""
    notes: list[str]
    """What was removed, and what the files hold that is of no use."""


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction; N stays N."""
    return sequence.translate(_COMPLEMENT)[::-1]


def separate(train: Reading, validation: Reading | None, test: Reading, *, share: float = 0.1) -> Splits:
    """Remove repetitions within the files and leaks between them.

    A sequence that is validated on must not stand in the training file, and one that is tested on in neither; without a
    validation file, `share` of the training examples are held out.
    """
    readings = [train, test] if validation is None else [train, validation, test]
    notes = [note for reading in readings for note in reading.notes]
    known = list(train.entries)
    scored = _without_known(test.entries, known + (validation.entries if validation else []), "test", notes)
    learnt = _without_repetitions(train.entries, "training sequences", notes)
    if validation is None:
        learnt, chosen = hold_out(learnt, share)
        known = learnt
    else:
        chosen = validation.entries
    return Splits(
        train=learnt,
        validation=_without_repetitions(
            _without_known(chosen, known, "validation", notes), "validation sequences", notes
        ),
        test=_without_repetitions(scored, "test sequences", notes),
        labels=frozenset().union(*(reading.labels for reading in readings)),
        notes=notes,
    )


def hold_out(entries: Sequence[Entry], share: float) -> tuple[list[Entry], list[Entry]]:
    """Keep and hold out, by the fixed split of `held_out`; a class that would be held out whole is kept instead."""
    if not entries:
        return [], []
    kept, held = (indices.tolist() for indices in held_out(len(entries), share))
    learnt = {entries[i].label for i in kept}
    kept += [i for i in held if entries[i].label not in learnt]
    return [entries[i] for i in sorted(kept)], [entries[i] for i in held if entries[i].label in learnt]


def split_file(reading: Reading, *, share: float = 0.15) -> Splits:
    """Split one file in three, with `share` of its examples to test on and as many to validate on."""
    notes: list[str] = list(reading.notes)
    entries = _without_repetitions(reading.entries, "sequences", notes)
    rest, test = hold_out(entries, share)
    train, validation = hold_out(rest, share / (1 - share))
    return Splits(
        train=train,
        validation=_without_known(validation, train, "validation", notes),
        test=_without_known(test, rest, "test", notes),
        labels=reading.labels,
        notes=notes,
    )


def _without_known(entries: list[Entry], known: list[Entry], which: str, notes: list[str]) -> list[Entry]:
    """Leave out what stands in `known`, as it is or on the other strand."""
    same = {entry.sequence for entry in known}
    repeated = sum(entry.sequence in same for entry in entries)
    rest = [entry for entry in entries if entry.sequence not in same]
    left = [entry for entry in rest if reverse_complement(entry.sequence) not in same]
    if repeated:
        notes.append(f"{repeated} {which} sequences removed that stand in what is trained or chosen on")
    if len(left) < len(rest):
        notes.append(f"{len(rest) - len(left)} {which} sequences removed whose reverse complement stands there")
    return left


def _without_repetitions(entries: list[Entry], which: str, notes: list[str]) -> list[Entry]:
    """Keep the first of equal sequences, and none where their labels disagree."""
    labels: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        labels[entry.sequence].add(entry.label)
    clear = [entry for entry in entries if len(labels[entry.sequence]) == 1]
    once: dict[str, Entry] = {}
    for entry in clear:
        once.setdefault(entry.sequence, entry)
    if len(clear) < len(entries):
        notes.append(f"{len(entries) - len(clear)} {which} removed that stand there with two labels")
    if len(once) < len(clear):
        notes.append(f"{len(clear) - len(once)} repeated {which} removed")
    return list(once.values())
