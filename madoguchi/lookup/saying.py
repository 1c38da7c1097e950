"""A clause or gap as staff read it aloud and copy it: both languages, source, whose words they are, the published wording marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from madoguchi import LANGUAGES, Language
from madoguchi.answers import compose
from madoguchi.corpus import Clause, Corpus, Entry, Gap, Text

from .comparison import Stated, stated
from .letters import Piece, marked

_ITEM = "\n・"

Relation = Literal["own", "with", "beside", "stated", "near"]


class Line(NamedTuple):
    """A published line with its number in the document."""

    number: int
    pieces: list[Piece]


@dataclass(frozen=True)
class Original:
    """The published wording of a clause.

    Attributes:
        relation: the result's own clause, one that its statement draws on too, one worth citing beside; of a gap, one that states
            a part, one that is near.
    """

    clause: Clause
    relation: Relation
    document: Text
    language: Language
    lines: tuple[Line, ...]

    @property
    def span(self) -> str:
        """Its lines, as in `12` or `12–15`."""
        first, last = self.clause.lines
        return str(first) if first == last else f"{first}–{last}"


@dataclass(frozen=True)
class Spoken:
    """What is read aloud in one language.

    Attributes:
        lead, items: the sentence and what it lists.
        more: further points of the clause.
        source: a line that names company, document and clause; empty where a gap cites nothing.
        is_translation: whether the document is published in the other language, so that these are our words for it.
        copy: all of it with its source, as it is copied.
    """

    lead: str
    items: tuple[str, ...]
    more: tuple[str, ...]
    source: str
    is_translation: bool
    copy: str


@dataclass(frozen=True)
class Said:
    """A clause or gap, ready to be read aloud."""

    entry: Entry
    company: str
    stated: Stated
    spoken: Mapping[Language, Spoken]
    originals: tuple[Original, ...]
    citations: tuple[str, ...]

    @property
    def first(self) -> Original | None:
        """The wording that it stands on, if any."""
        return self.originals[0] if self.originals else None


def say_entry(corpus: Corpus, entry: Entry, query: str = "", *, now: datetime) -> Said:
    """Put a clause or gap into words.

    Args:
        query: what was searched for: points that it singles out come first, its words are marked in the published wording.
        now: an aware time, for the desk's hours.
    """
    citations = corpus.cited(entry)
    return Said(
        entry=entry,
        company=corpus.company_of(entry).id,
        stated=stated(entry),
        spoken={language: _spoken(corpus, entry, query, language, now) for language in LANGUAGES},
        originals=tuple(_original(corpus, name, relation, query, entry) for name, relation in _cited(entry, citations)),
        citations=citations,
    )


def _spoken(corpus: Corpus, entry: Entry, query: str, language: Language, now: datetime) -> Spoken:
    part = compose.part(corpus, entry, query, language, now)
    lead, *items = part.body.split(_ITEM)
    # What follows a list is a sentence of its own, on the last item's next line.
    *items, last = items or [""]
    last, _, after = last.partition("\n")
    source = compose.source_lines(corpus, part.citations, language)
    document = corpus.documents[entry.document]
    return Spoken(
        lead=lead,
        items=tuple(filter(None, (*items, last, after))),
        more=part.rest,
        source=source,
        is_translation=document.language != language,
        copy="\n".join(filter(None, (part.body, source))),
    )


def _cited(entry: Entry, citations: tuple[str, ...]) -> Iterator[tuple[str, Relation]]:
    for name in citations:
        if isinstance(entry, Gap):
            yield name, "stated" if name in entry.stated else "near"
        elif name == entry.id:
            yield name, "own"
        else:
            yield name, "with" if name in entry.with_ else "beside"


def _original(corpus: Corpus, name: str, relation: Relation, query: str, entry: Entry) -> Original:
    clause = corpus.clause(name)
    document = corpus.documents[clause.document]
    # A question in the other language has no words in common with this one: the points that it singles out have.
    singled = compose.matching_points(clause, query, document.language) if query else []
    more = [word for point in singled for word in point.words[document.language]]
    first, last = clause.lines
    lines = tuple(
        Line(number, marked(text, query, more) if query else [Piece(text, is_match=False)])
        for number in range(first, last + 1)
        if (text := document.source[number - 1]).strip()
    )
    return Original(clause, relation, document.title, document.language, lines)
