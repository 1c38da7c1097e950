"""What each company states, side by side: topics and facets by company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from madoguchi.corpus import Clause, Corpus, Entry, Facet, Gap, Point, Topic

Stated = Literal["stated", "partly", "not_stated"]


def stated(entry: Entry) -> Stated:
    """Whether an entry says that something is stated, stated in part, or not stated."""
    if isinstance(entry, Clause):
        return "stated"
    return "partly" if entry.stated else "not_stated"


@dataclass(frozen=True)
class Cell:
    """What one company's policy states of a facet."""

    company: str
    entry: Entry
    point: Point | None

    @property
    def stated(self) -> Stated:
        """Whether it does."""
        return stated(self.entry)


@dataclass(frozen=True)
class Summary:
    """What one company's policy states of a topic.

    Attributes:
        facets: the state of each of the topic's facets, in order.
    """

    company: str
    facets: tuple[Stated, ...]

    @property
    def stated(self) -> Stated:
        """Stated where every facet is, not stated where none is even in part."""
        if set(self.facets) == {"stated"}:
            return "stated"
        return "not_stated" if set(self.facets) <= {"not_stated"} else "partly"

    @property
    def count(self) -> int:
        """Facets that are stated."""
        return self.facets.count("stated")


@dataclass(frozen=True)
class Row:
    """A topic: its summary for each company, and its facets with a cell for each company."""

    topic: Topic
    summaries: tuple[Summary, ...]
    facets: tuple[tuple[Facet, tuple[Cell, ...]], ...]


class Comparison:
    """All topics of one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        of_topic: dict[str, list[Facet]] = {topic: [] for topic in corpus.topics}
        for facet in corpus.facets.values():
            of_topic[facet.topic].append(facet)
        self.rows: Sequence[Row] = [self._row(topic, of_topic[topic.id]) for topic in corpus.topics.values() if of_topic[topic.id]]

    @property
    def facets(self) -> Mapping[str, Facet]:
        """Every facet, in the table's order."""
        return {facet.id: facet for row in self.rows for facet, _ in row.facets}

    def cells(self, facet: str) -> tuple[Cell, ...]:
        """What each company states of a facet.

        Raises:
            KeyError: there is no such facet.
        """
        return tuple(Cell(company, *self._corpus.answering(company, facet)) for company in self._corpus.companies)

    def about(self, topic: str, company: str) -> tuple[Entry, ...]:
        """A company's clauses of a topic, and its gaps: first what answers the topic's facets, in their order."""
        answering = [self._corpus.answering(company, facet.id)[0] for facet in self._corpus.facets.values() if facet.topic == topic]
        others = [
            entry
            for entry in self._corpus.entries_of(company)
            if (isinstance(entry, Clause) and topic in entry.topics) or (isinstance(entry, Gap) and entry.topic == topic)
        ]
        return tuple({entry.id: entry for entry in (*answering, *others)}.values())

    def _row(self, topic: Topic, facets: Sequence[Facet]) -> Row:
        cells = tuple((facet, self.cells(facet.id)) for facet in facets)
        summaries = tuple(
            Summary(company, tuple(of_facet[place].stated for _, of_facet in cells)) for place, company in enumerate(self._corpus.companies)
        )
        return Row(topic, summaries, cells)
