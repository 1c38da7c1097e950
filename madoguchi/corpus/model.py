"""What a corpus is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from madoguchi import Language

Text = Mapping[Language, str]
"""A text in each language."""
Phrasings = Mapping[Language, tuple[str, ...]]
"""Questions of customers in each language."""


@dataclass(frozen=True)
class Topic:
    """A topic of topics.tsv, such as `fee`, with its names for people."""

    id: str
    name: Text


@dataclass(frozen=True)
class Facet:
    """A question that customers ask of any company, one level finer than a topic, with company-neutral phrasings."""

    id: str
    topic: str
    name: Text
    asked_as: Phrasings


@dataclass(frozen=True)
class Point:
    """One item of a clause: an entry of a list, or the part of the clause that answers a facet by itself.

    Attributes:
        words: what in a question singles this item out; lower case, parts of words in Japanese.
    """

    id: str
    says: Text
    words: Phrasings
    facets: tuple[str, ...]


@dataclass(frozen=True)
class Clause:
    """A clause of a published policy and what may be said of it.

    Attributes:
        id: as in clauses.tsv, `document/name`.
        lines: first and last line in the document's source, counted from 1.
        says: the statement in both languages; nothing that the lines do not say.
        facets: the questions whose answer this clause is.
        also: the questions beside whose answer it is worth citing.
        with_: clauses whose lines its statement draws on too, where the policy qualifies itself.
    """

    id: str
    document: str
    lines: tuple[int, int]
    topics: tuple[str, ...]
    title: Text
    says: Text
    points: tuple[Point, ...]
    facets: tuple[str, ...]
    also: tuple[str, ...]
    with_: tuple[str, ...]
    asked_as: Phrasings

    @property
    def topic(self) -> str:
        """The first of its topics."""
        return self.topics[0]


@dataclass(frozen=True)
class Gap:
    """Something one would expect a company's policy to state and that its text does not.

    Attributes:
        id: `document#name`.
        stated: clauses that state a part of what is asked; the reply then is an answer that says what is missing.
        near: clauses that are fair to mention beside.
    """

    id: str
    document: str
    topic: str
    title: Text
    says: Text
    facets: tuple[str, ...]
    stated: tuple[str, ...]
    near: tuple[str, ...]
    asked_as: Phrasings


Entry = Clause | Gap
"""What a question can lead to."""


@dataclass(frozen=True)
class Document:
    """A published policy with its verbatim lines (line 1 is `source[0]`)."""

    id: str
    company: str
    language: Language
    title: Text
    names: tuple[Mapping[Language, tuple[str, ...]], ...]
    source: tuple[str, ...]
    clauses: tuple[Clause, ...]
    gaps: tuple[Gap, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its clauses, then its gaps."""
        return (*self.clauses, *self.gaps)

    def original(self, clause: Clause) -> str:
        """Return a clause's lines as published, blank lines at its ends left out."""
        first, last = clause.lines
        return "\n".join(self.source[first - 1 : last]).strip("\n")


@dataclass(frozen=True)
class Company:
    """A company, the names customers use for it, and its documents in order.

    Attributes:
        weak_names: names that stand for this company only where none of `yields_to` is the company of the site or the
            conversation ("Toyota" on G-Link's pages is not LEXUS).
    """

    id: str
    full: Text
    button: Text
    names: Phrasings
    weak_names: Phrasings
    yields_to: tuple[str, ...]
    documents: tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """Names beside those of our companies: partners, ordinary words that look alike, companies of other policies."""

    neutral: tuple[str, ...]
    unlike: frozenset[str]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """All companies, documents, facets and topics."""

    companies: Mapping[str, Company]
    documents: Mapping[str, Document]
    facets: Mapping[str, Facet]
    topics: Mapping[str, Topic]
    names: Names

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Every clause and gap by id, in the order of the documents."""
        return {entry.id: entry for document in self.documents.values() for entry in document.entries}

    @cached_property
    def _entries_of(self) -> Mapping[str, tuple[Entry, ...]]:
        return {
            company.id: tuple(entry for name in company.documents for entry in self.documents[name].entries)
            for company in self.companies.values()
        }

    def entries_of(self, company: str) -> tuple[Entry, ...]:
        """Every clause and gap of one company."""
        return self._entries_of[company]

    def clause(self, clause_id: str) -> Clause:
        """The clause of that id.

        Raises:
            KeyError: no clause has this id.
        """
        entry = self.entries[clause_id]
        if not isinstance(entry, Clause):
            raise KeyError(clause_id)
        return entry

    def company_of(self, entry: Entry) -> Company:
        """The company whose document an entry stands in."""
        return self.companies[self.documents[entry.document].company]

    @cached_property
    def _by_facet(self) -> Mapping[tuple[str, str], tuple[Entry, Point | None]]:
        found: dict[tuple[str, str], tuple[Entry, Point | None]] = {}
        for company in self.companies:
            for entry in self.entries_of(company):
                for facet in entry.facets:
                    found[company, facet] = (entry, None)
                if isinstance(entry, Clause):
                    for point in entry.points:
                        for facet in point.facets:
                            found[company, facet] = (entry, point)
        return found

    def answering(self, company: str, facet: str) -> tuple[Entry, Point | None]:
        """The entry, and the point of it, that answers a facet for a company."""
        return self._by_facet[company, facet]

    @cached_property
    def _beside(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for company in self.companies:
            entries = self.entries_of(company)
            for entry in entries:
                others = (e for e in entries if isinstance(e, Clause) and e is not entry and set(e.also) & set(entry.facets))
                found[entry.id] = tuple(e.id for e in others)
        return found

    def cited(self, entry: Entry) -> tuple[str, ...]:
        """The clauses that an answer from an entry cites: those that state it, then up to two that are fair to mention beside."""
        if isinstance(entry, Gap):
            return (*entry.stated, *entry.near)
        stated = (entry.id, *entry.with_)
        return (*stated, *[name for name in self._beside[entry.id] if name not in stated][:2])
