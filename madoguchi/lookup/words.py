"""Search by words: English words, also halfway typed, and pairs of letters in Japanese; phrases and numbers as they stand."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from madoguchi import LANGUAGES
from madoguchi.corpus import Clause, Corpus, Entry

from .letters import STOP, Run, is_hiragana, packed, runs, spaced, stem

Floats = npt.NDArray[np.float32]

TITLE, STATEMENT, ORIGINAL, ASKED = 3.0, 2.0, 2.0, 0.7
"""What a word counts for by where it stands: in a title, in what we say, in the published wording, in how customers ask."""

SATURATION = 1.5
"""A word that occurs often counts at most this much more than twice (BM25's k1)."""

SOFT = 0.3
"""What a pair of letters typed in hiragana counts for: it may be a particle."""

STEM = 0.8
"""What a word with another ending counts for."""

MAX_COMPLETIONS = 64
"""Words that a halfway typed one may become."""

SHORTEST_PHRASE = 2
PHRASE_SHARE = 0.5
"""An entry needs this share of a query's words for it to be worth looking for the phrase in it."""

_STEM_MARK = "~"


class Words(NamedTuple):
    """What the word search finds, a value for each entry in the corpus's order.

    Attributes:
        score: how well the words fit; comparable within one query.
        share: how much of the query, by the weight of its words, stands in the entry: 0 to 1.
        phrase: whether the query stands in it as it was typed.
    """

    score: Floats
    share: Floats
    phrase: npt.NDArray[np.bool_]


class _Term(NamedTuple):
    """A term of a query: the index's terms that it may be, with what each counts for."""

    options: Sequence[tuple[str, float]]
    weight: float


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)] or [text]


def _terms(text: str) -> Iterator[str]:
    """The index's terms of a text: Japanese letters, their pairs, English words and their stems."""
    for run in runs(text):
        if run.is_japanese:
            yield from run.text
            yield from (run.text[i : i + 2] for i in range(len(run.text) - 1))
        else:
            yield run.text
            yield _STEM_MARK + stem(run.text)


def _fields(corpus: Corpus, entry: Entry) -> Iterator[tuple[float, str]]:
    for language in LANGUAGES:
        yield TITLE, entry.title[language]
        yield STATEMENT, entry.says[language]
        if isinstance(entry, Clause):
            yield from ((STATEMENT, point.says[language]) for point in entry.points)
    if isinstance(entry, Clause):
        yield ORIGINAL, corpus.documents[entry.document].original(entry)


class WordIndex:
    """The words of one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        """Read every title, statement, published wording and phrasing."""
        self._count = len(corpus.entries)
        counted: dict[str, dict[int, float]] = {}
        self._packed: list[str] = []
        self._spaced: list[str] = []
        for place, entry in enumerate(corpus.entries.values()):
            texts = list(_fields(corpus, entry))
            asked = " ".join(text for language in LANGUAGES for text in entry.asked_as[language])
            for weight, text in (*texts, (ASKED, asked)):
                # Of phrasings it counts that a word is used, not how often: frequent customers' words would drown the text.
                for term, times in (Counter(_terms(text)) if weight != ASKED else dict.fromkeys(_terms(text), 1)).items():
                    found = counted.setdefault(term, {})
                    found[place] = found.get(place, 0.0) + weight * times
            self._packed.append("\n".join(packed(text) for _, text in texts))
            self._spaced.append("\n".join(spaced(text) for _, text in texts))
        self._postings = {
            term: (np.fromiter(found, np.int32, len(found)), _saturated(np.fromiter(found.values(), np.float32, len(found))))
            for term, found in counted.items()
        }
        self._sorted = sorted(term for term in self._postings if term[0].isascii() and term[0] != _STEM_MARK)

    def find(self, query: str, wanted: str | None = None) -> Words:
        """Search for a query, whose last word may be half typed.

        Args:
            query: looked for as it stands.
            wanted: the query for its words, where some of them are not to count.
        """
        score = np.zeros(self._count, dtype=np.float32)
        share = np.zeros(self._count, dtype=np.float32)
        total = 0.0
        for term in self._query(query if wanted is None else wanted):
            best = np.zeros(self._count, dtype=np.float32)
            here = np.zeros(self._count, dtype=np.float32)
            for option, counts in term.options:
                places, values = self._postings[option]
                best[places] = np.maximum(best[places], values * counts)
                here[places] = np.maximum(here[places], counts)
            rarity = self._rarity(int(np.count_nonzero(here))) * term.weight
            score += rarity * best
            share += rarity * here
            total += rarity
        share = share / total if total else share
        return Words(score, share, self._phrase(query, share))

    def _rarity(self, entries: int) -> float:
        """BM25's weight of a term that stands in so many entries."""
        return float(np.log1p((self._count - entries + 0.5) / (entries + 0.5)))

    def _query(self, query: str) -> list[_Term]:
        found = list(runs(query))
        said = [run for run in found if run.is_japanese or run.text not in STOP] or found
        return [term for place, run in enumerate(said) for term in self._run(run, is_last=place == len(said) - 1)]

    def _run(self, run: Run, is_last: bool) -> Iterable[_Term]:
        if run.is_japanese:
            return [
                _Term([(pair, 1.0)] if pair in self._postings else [], SOFT if is_hiragana(typed) else 1.0)
                for pair, typed in zip(_pairs(run.text), _pairs(run.typed), strict=True)
            ]
        options = {word: 1.0 for word in (self._completed(run.text) if is_last else [run.text]) if word in self._postings}
        root = _STEM_MARK + stem(run.text)
        if root in self._postings:
            options.setdefault(root, STEM)
        return [_Term(list(options.items()), 2.0)]

    def _completed(self, begun: str) -> Sequence[str]:
        first = bisect.bisect_left(self._sorted, begun)
        last = bisect.bisect_left(self._sorted, begun + "\uffff", first)
        return self._sorted[first : min(last, first + MAX_COMPLETIONS)]

    def _phrase(self, query: str, share: Floats) -> npt.NDArray[np.bool_]:
        found = np.zeros(self._count, dtype=np.bool_)
        wanted, texts = packed(query), self._packed
        if len(wanted) < SHORTEST_PHRASE:
            return found
        has_digit = any(char.isdigit() for char in wanted)
        if wanted.isascii() and not wanted.isdigit():
            # In Latin letters from the start of a word, so that "or a" is not found in "for all".
            wanted, texts = spaced(query), self._spaced
        # Where a phrase stands, most of its words do; a number may begin anywhere in another.
        for place in range(self._count) if has_digit else np.flatnonzero(share >= PHRASE_SHARE):
            found[place] = wanted in texts[place]
        return found


def _saturated(counts: Floats) -> Floats:
    return counts * np.float32(SATURATION + 1.0) / (counts + np.float32(SATURATION))
