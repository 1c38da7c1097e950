"""What the understanding learns from: the phrasings of the corpus and the examples of intents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from madoguchi import LANGUAGES, Language
from madoguchi.corpus import Clause, Corpus, Entry
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


def phrasing_targets(corpus: Corpus, owner: str | None, entry: str | None, facets: Iterable[str]) -> dict[str, float]:
    """The columns that a phrasing counts for.

    Args:
        owner, entry: company and entry that it was written for; None for a phrasing of a facet.
        facets: what it asks.
    """
    facets = tuple(facets)
    targets = {intent_column(POLICY_QUESTION): 1.0}
    for company in corpus.companies:
        if company == owner and entry is not None:
            targets[entry_column(company, entry)] = 1.0
            continue
        for facet in facets:
            column = entry_column(company, corpus.answering(company, facet)[0].id)
            targets[column] = targets.get(column, 0.0) + 1.0 / len(facets)
    return targets


_PLAIN: dict[Language, tuple[str, ...]] = {"ja": ("{}", "{}を教えてください"), "en": ("{}", "tell me about the {}")}


def phrasings(corpus: Corpus, namer: Namer) -> Iterator[Example]:
    """An example for each phrasing of the corpus, and for the names of entries and facets, which are questions too."""

    def bare(text: str, language: Language) -> str:
        return namer.find(clean(text), language).bare

    for entry in corpus.entries.values():
        company = corpus.company_of(entry).id
        targets = phrasing_targets(corpus, company, entry.id, facets_of(entry))
        for language in LANGUAGES:
            for text in (*entry.asked_as[language], entry.title[language]):
                yield Example(bare(text, language), targets, POLICY_QUESTION)
    for facet in corpus.facets.values():
        targets = phrasing_targets(corpus, None, None, (facet.id,))
        for language in LANGUAGES:
            plain = [form.format(facet.name[language]) for form in _PLAIN[language]]
            for text in (*facet.asked_as[language], *plain):
                yield Example(bare(text, language), targets, POLICY_QUESTION)


def intents(examples: Iterable[tuple[str, str]], namer: Namer) -> Iterator[Example]:
    """An example for each (text, intent) of the dialogue's training data."""
    for text, intent in examples:
        cleaned = clean(text)
        yield Example(namer.find(cleaned, language_of(cleaned) or "ja").bare, {intent_column(intent): 1.0}, intent, INTENT_WEIGHT)
