"""Phrasings that say the same in nearly the same words: found by character n-grams and by embedding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from madoguchi import LANGUAGES, Language
from madoguchi.corpus import Corpus
from madoguchi.corpus.check import NEAR_DUPLICATE, near_duplicates

from .encoder import Encoder, encode_many

SAME_MEANING = 0.985
"""Cosine of embeddings from which two phrasings of one company count as one."""


class Pair(NamedTuple):
    """Two phrasings of one company that are nearly the same; `likeness` is the cosine, or 1.0 where n-grams found them."""

    company: str
    language: Language
    one: tuple[str, str]
    other: tuple[str, str]
    likeness: float


def pairs(corpus: Corpus, encoder: Encoder, limit: float = SAME_MEANING) -> Iterator[Pair]:
    """Every pair that is nearly the same, by words or by meaning.

    Args:
        limit: cosine from which a pair is reported.
    """
    for company in corpus.companies:
        for language in LANGUAGES:
            texts = [(entry.id, text) for entry in corpus.entries_of(company) for text in entry.asked_as[language]]
            for one, text, other, again in near_duplicates(texts, NEAR_DUPLICATE):
                yield Pair(company, language, (one, text), (other, again), 1.0)
            rows = encode_many(encoder, [text for _, text in texts])
            alike = np.triu(rows @ rows.T, 1)
            for i, j in zip(*np.nonzero(alike >= limit)):
                yield Pair(company, language, texts[i], texts[j], float(alike[i, j]))


def report(corpus: Corpus, encoder: Encoder) -> str:
    """A report in Markdown: how many phrasings there are, and which are nearly the same."""
    out = ["| company | ja | en | fewest of an entry, ja / en |", "|---|---|---|---|"]
    for company in corpus.companies:
        counts = {language: [len(e.asked_as[language]) for e in corpus.entries_of(company)] for language in LANGUAGES}
        fewest = " / ".join(str(min(counts[language])) for language in LANGUAGES)
        out.append(f"| {company} | {sum(counts['ja'])} | {sum(counts['en'])} | {fewest} |")
    found = list(pairs(corpus, encoder))
    out += ["", f"Pairs of one company above {NEAR_DUPLICATE} by 4-grams or {SAME_MEANING} by embedding: {len(found)}.", ""]
    out += [f"- {p.company} {p.language} {p.likeness:.3f}: {p.one[0]} “{p.one[1]}” / {p.other[0]} “{p.other[1]}”" for p in found]
    return "\n".join(out) + "\n"
