"""What the understanding learns from: the phrasings of the corpus and the examples of intents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from madoguchi import LANGUAGES, Language
from madoguchi.corpus import Clause, Corpus, Entry, Facet
from madoguchi.text import clean, language_of

from .inquiry import POLICY_QUESTION
from .learned import Example
from .naming import Namer

INTENT = "intent "
ENTRY = "entry "
INTENT_WEIGHT = 10.0
"""There are a hundred policy questions for each example of another intent."""


def facets_of(entry: Entry) -> tuple[str, ...]:
    """The facets that an entry or its points answer."""
    if isinstance(entry, Clause):
        return (*entry.facets, *(facet for point in entry.points for facet in point.facets))
    return entry.facets


def intent_column(intent: str) -> str:
    """The model's column of an intent."""
    return f"{INTENT}{intent}"


def entry_column(company: str, entry: str) -> str:
    """The model's column of a clause or gap of a company."""
    return f"{ENTRY}{company} {entry}"


def phrasing_targets(corpus: Corpus, owner: str, entry: str, facets: tuple[str, ...]) -> dict[str, float]:
    """The columns that a phrasing counts for.

    Args:
        owner, entry: company and entry that it was written for.
        facets: what it asks, and asks of the other companies too.
    """
    targets = {intent_column(POLICY_QUESTION): 1.0}
    for company in corpus.companies:
        if company == owner:
            targets[entry_column(company, entry)] = 1.0
            continue
        for facet in facets:
            column = entry_column(company, corpus.answering(company, facet)[0].id)
            targets[column] = targets.get(column, 0.0) + 1.0 / len(facets)
    return targets


def _texts(asked: Entry | Facet) -> Iterator[str]:
    for language in LANGUAGES:
        yield from asked.asked_as[language]


def facet_targets(corpus: Corpus, facet: Facet, own: Mapping[tuple[str, str], str], text: str) -> dict[str, float]:
    """The columns that a phrasing of a facet counts for; a company that lists it among the phrasings of an entry means that one.

    A facet may be coarser than what a company states: "is a passport copy enough" asks for the procedure, and of Jamil Shoji
    for what the text leaves open about documents.

    Args:
        own: (company, phrasing) → entry.
    """
    targets = {intent_column(POLICY_QUESTION): 1.0}
    for company in corpus.companies:
        targets[entry_column(company, own.get((company, text)) or corpus.answering(company, facet.id)[0].id)] = 1.0
    return targets


_PLAIN: dict[Language, tuple[str, ...]] = {"ja": ("{}", "{}を教えてください"), "en": ("{}", "tell me about the {}")}


class Phrasing(NamedTuple):
    """A question to learn from; `company` and `entry` where it was written for a clause or gap."""

    text: str
    language: Language
    example: Example
    company: str | None = None
    entry: str | None = None


def phrasings(corpus: Corpus, namer: Namer) -> Iterator[Phrasing]:
    """Each phrasing of the corpus, and the names of entries and facets, which are questions too."""

    def learned(text: str, language: Language, targets: Mapping[str, float]) -> Example:
        return Example(namer.find(clean(text), language).bare, targets, POLICY_QUESTION)

    own = {(corpus.company_of(entry).id, text): entry.id for entry in corpus.entries.values() for text in _texts(entry)}
    shared = {text for facet in corpus.facets.values() for text in _texts(facet)}
    for entry in corpus.entries.values():
        company = corpus.company_of(entry).id
        targets = phrasing_targets(corpus, company, entry.id, facets_of(entry))
        for language in LANGUAGES:
            yield Phrasing(entry.title[language], language, learned(entry.title[language], language, targets))
            for text in entry.asked_as[language]:
                if text not in shared:
                    yield Phrasing(text, language, learned(text, language, targets), company, entry.id)
    for facet in corpus.facets.values():
        for language in LANGUAGES:
            plain = [form.format(facet.name[language]) for form in _PLAIN[language]]
            for text in (*facet.asked_as[language], *plain):
                yield Phrasing(text, language, learned(text, language, facet_targets(corpus, facet, own, text)))


def intents(examples: Iterable[tuple[str, str]], namer: Namer) -> Iterator[Example]:
    """An example for each (text, intent) of the dialogue's training data."""
    for text, intent in examples:
        cleaned = clean(text)
        yield Example(namer.find(cleaned, language_of(cleaned) or "ja").bare, {intent_column(intent): 1.0}, intent, INTENT_WEIGHT)
