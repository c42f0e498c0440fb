"""Judgements as cards, by document, with links to the cells that each rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.answers import Answer
from reports.format import p_value
from reports.html.strips import Strip, strips

if TYPE_CHECKING:
    from reports.claims.judgement import Judgement

VERDICTS = ("supported", "refuted", "inconclusive", "untested")
"""In the order that they are shown in."""


@dataclass(frozen=True)
class Link:
    """A cell, and its place in the page."""

    text: str
    target: str


@dataclass(frozen=True)
class Card:
    """One judgement."""

    judgement: Judgement
    name: str
    cells: list[Link]
    facts: list[tuple[str, str]]
    """Of what kind the test is and what it came to, each with its term."""
    strips: list[Strip]
    """Its comparisons, drawn."""


@dataclass(frozen=True)
class Document:
    """The cards of one document."""

    title: str
    name: str
    cards: list[Card]

    @property
    def decided(self) -> list[Card]:
        """Those that the run has something to say of."""
        return [card for card in self.cards if card.judgement.verdict != "untested"]

    @property
    def untested(self) -> list[Card]:
        """The others: folded away, since a run seldom has the cells of every claim."""
        return [card for card in self.cards if card.judgement.verdict == "untested"]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Each verdict that occurs, and how often."""
        return counts([card.judgement for card in self.cards])


def counts(judgements: Sequence[Judgement]) -> list[tuple[str, int]]:
    """Each verdict that occurs, in order, and how often."""
    found: Counter[str] = Counter(judgement.verdict for judgement in judgements)
    return [(verdict, found[verdict]) for verdict in VERDICTS if found[verdict]]


def documents(judgements: Sequence[Judgement], group: Sequence[Answer]) -> list[Document]:
    """All judgements, by document, in the order given."""
    cells = {answer.key: answer for answer in group}
    grouped: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        grouped.setdefault(judgement.claim.document, []).append(judgement)
    return [
        Document(found[0].claim.title or stem, f"document-{number}", [_card(judgement, cells) for judgement in found])
        for number, (stem, found) in enumerate(grouped.items(), 1)
    ]


def card_name(judgement: Judgement) -> str:
    """What links lead to a card by."""
    return f"claim-{judgement.claim.id}"


def _card(judgement: Judgement, cells: Mapping[str, Answer]) -> Card:
    rests_on = [cells[key] for key in dict.fromkeys(judgement.cells) if key in cells]
    return Card(judgement, card_name(judgement), _links(rests_on), _facts(judgement), strips(judgement))


_TELLING: tuple[Callable[[Answer], str], ...] = (
    lambda answer: answer.machine_name,
    lambda answer: answer.record.suite if answer.record else "",
    lambda answer: answer.setting,
    lambda answer: answer.record.run if answer.record else "",
)
"""What may tell apart cells of one model and size, the shortest first."""


def _links(group: Sequence[Answer]) -> list[Link]:
    """A link a cell; those that would read alike also say the first thing that they differ in."""
    alike: dict[str, list[Answer]] = {}
    for answer in group:
        alike.setdefault(f"{answer.series}, {answer.cell.workload.title[0]}", []).append(answer)
    texts = {answer.key: text for said, own in alike.items() for answer, text in _told_apart(said, own, _TELLING)}
    return [Link(texts[answer.key], f"cell-{answer.key}") for answer in group]


def _told_apart(
    said: str, group: Sequence[Answer], telling: Sequence[Callable[[Answer], str]]
) -> Iterator[tuple[Answer, str]]:
    if len(group) == 1 or not telling:
        yield from ((answer, said) for answer in group)
        return
    first, *others = telling
    parts: dict[str, list[Answer]] = {}
    for answer in group:
        parts.setdefault(first(answer), []).append(answer)
    for word, own in parts.items():
        yield from _told_apart(f"{said}, {word}" if word and len(parts) > 1 else said, own, others)


def _facts(judgement: Judgement) -> list[tuple[str, str]]:
    facts = [("test", judgement.claim.kind.replace("_", " "))]
    if judgement.n is not None:
        facts.append(("n", f"{judgement.n:,} {judgement.counted}".rstrip()))
    if judgement.p_holm is not None:
        facts.append(("p, Holm", p_value(judgement.p_holm)))
    return facts
