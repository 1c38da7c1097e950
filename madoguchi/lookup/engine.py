"""The look-up: what the assistant would answer, company by company, together with what the words of a query find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from madoguchi import LANGUAGES, Language
from madoguchi.answers import Assistant, State
from madoguchi.answers.engine import REQUEST_FACETS
from madoguchi.corpus import Corpus, Entry
from madoguchi.text import MAX_ACCEPTED, clean, language_of, mask
from madoguchi.understanding.inquiry import OUT_OF_SCOPE, POLICY_QUESTION, REQUEST_PREFIX, Inquiry
from madoguchi.understanding.naming import Namer, Naming

from .letters import STOP, is_hiragana, runs
from .words import WordIndex, Words

if TYPE_CHECKING:  # the learned part takes a second to import: only who has a trained model pays for it
    from madoguchi.understanding.understand import Understanding

Floats = npt.NDArray[np.float32]

Note = Literal["out_of_scope", "other_company", "unsure", "nothing", "request", "desk", "person", "small_talk"]
Why = Literal["answer", "phrase", "meaning", "words"]

SHOWN, SHOWN_APART = 12, 5
"""Results of a page, and of those set apart."""

RARE, RARE_SHARE = 8, 0.02
"""A term that stands in no more entries than this, or no more than this share of them, is looked for by itself: its places come first."""

WORDS_COUNT = 0.5
"""What words that fit entirely count for beside the learned score, for what comes after the assistant's own answers."""

LEAST_LEARNED, LEAST_SHARE, LEAST_ALONE = 0.15, 0.75, 0.5
"""A result needs this learned score or this share of the query's words; where nothing is trained, this share of the words."""

COMPANIES_ASKED = 8
"""Companies whose answer is composed: all of ours; of very many those that rank best."""

_NO_ANSWER: frozenset[Note | None] = frozenset({"out_of_scope", "other_company", "small_talk", "nothing"})

REMEMBERED = 256
"""Queries whose understanding is kept in memory, so that refining by company, or typing back, costs nothing."""

_LONG_PHRASE = {True: 10, False: 24}
"""Letters, in Japanese and in other scripts, from which a passage that stands in a policy is a quotation, whatever its form."""

_STAND_IN = re.compile("御社|your company")
_QUOTED = re.compile(r"""^["“”「『](.+)["“”」』]$""")


@dataclass(frozen=True)
class Hit:
    """A clause or gap that a query leads to.

    Attributes:
        why: the assistant would answer with it, it has the words as they were typed, or it is near by meaning or by words.
    """

    entry: Entry
    company: str
    why: Why


@dataclass(frozen=True)
class Found:
    """What a query leads to.

    Attributes:
        query: cleaned.
        companies: that it was narrowed to; none where it was not.
        is_named: whether the query itself names them.
        note: what has to be said before the results.
        request: the type of request, with the note `request`.
        hits: the results, best first.
        apart: what has some of the query's words or comes a little near, and must not be taken for an answer.
        is_learned: whether the trained model had a part in it.
    """

    query: str
    companies: tuple[str, ...] = ()
    is_named: bool = False
    note: Note | None = None
    request: str | None = None
    hits: tuple[Hit, ...] = ()
    apart: tuple[Hit, ...] = ()
    is_learned: bool = False


class Lookup:
    """The look-up in one corpus."""

    def __init__(self, corpus: Corpus, understanding: Understanding | None = None) -> None:
        """Read the corpus's words.

        Args:
            understanding: trained on the corpus; without it words alone are searched. `learned` hands it in later.
        """
        self.corpus = corpus
        self._index = WordIndex(corpus)
        self._assistant = Assistant(corpus)
        self._namer = Namer(corpus)
        self._entries = list(corpus.entries.values())
        self._place = {entry.id: place for place, entry in enumerate(self._entries)}
        self._company = [corpus.company_of(entry).id for entry in self._entries]
        self._number = {company: number for number, company in enumerate(corpus.companies)}
        self._numbers = np.array([self._number[company] for company in self._company])
        self._rare = max(RARE, round(RARE_SHARE * len(self._entries)))
        self._understand = lru_cache(REMEMBERED)(understanding.understand) if understanding else None

    def learned(self, understanding: Understanding) -> None:
        """From now on search by meaning too."""
        self._understand = lru_cache(REMEMBERED)(understanding.understand)

    @property
    def is_learned(self) -> bool:
        """Whether there is a trained model."""
        return self._understand is not None

    def search(self, text: str, company: str | None = None, *, now: datetime) -> Found:
        """Search.

        Args:
            text: as typed, of any length; the last word may be half typed.
            company: to search in; a company that the query names wins over it, as with the assistant.
            now: an aware time, for the desk's hours.
        """
        query = clean(text[:MAX_ACCEPTED])
        if not any(char.isalnum() for char in query):
            return Found(query, companies=(company,) if company else (), is_learned=self.is_learned)
        naming = self._namer.find(query, language_of(query) or LANGUAGES[0])
        inquiry = self._inquiry(query, naming)
        companies = self._assistant.companies(inquiry, State(company=company))
        quoted = _QUOTED.match(query)
        words = self._index.find(*self._wanted(quoted.group(1) if quoted else query, naming))
        exact = self._exact(query, words, is_quoted=quoted is not None)
        is_named = bool(inquiry.companies or (inquiry.weak and inquiry.weak == companies))
        if is_named and exact.any() and not (exact & self._within(companies)).any():
            # A term that merely has a company's name in it ("Toyota Metrologic") and stands elsewhere.
            companies, is_named = (company,) if company else (), False
        found = Found(query, companies, is_named, is_learned=self.is_learned)
        within = self._within(companies)
        exact &= within
        if not self.is_learned:
            return self._by_words(found, words, exact, within)
        return self._by_meaning(found, inquiry, words, exact, within, now)

    def _inquiry(self, query: str, naming: Naming) -> Inquiry:
        """The query understood; where nothing is trained, the companies that it names."""
        if self._understand is not None:
            return self._understand(mask(query).text)
        return Inquiry(POLICY_QUESTION, 0.0, None, naming.companies, naming.weak, naming.other, naming.alone)

    @staticmethod
    def _wanted(query: str, naming: Naming) -> tuple[str, str]:
        """The query as it is looked for as it stands, and without the names of companies: every entry of LEXUS has its name."""
        bare = _STAND_IN.sub(" ", naming.bare) if naming.companies or naming.weak else query
        return query, bare if any(char.isalnum() for char in bare) else query

    def _within(self, companies: Sequence[str]) -> npt.NDArray[np.bool_]:
        if not companies:
            return np.ones(len(self._entries), dtype=np.bool_)
        return np.isin(self._numbers, [self._number[company] for company in companies])

    def _exact(self, query: str, words: Words, *, is_quoted: bool) -> npt.NDArray[np.bool_]:
        """Where a query stands as it was typed, if that is what is looked for: a rare term, a number, a quotation."""
        count = int(np.count_nonzero(words.phrase))
        is_wanted = is_quoted or (0 < count <= self._rare and (is_term(query) or self._is_passage(query)))
        return words.phrase if is_wanted else np.zeros_like(words.phrase)

    @staticmethod
    def _is_passage(query: str) -> bool:
        return len(query) >= _LONG_PHRASE[any(run.is_japanese for run in runs(query))]

    # -- by words alone ------------------------------------------------------------------------------------------

    def _by_words(self, found: Found, words: Words, exact: npt.NDArray[np.bool_], within: npt.NDArray[np.bool_]) -> Found:
        fits = (words.score + exact) * (words.share + exact)
        near = list(_best(np.where(within, fits, 0.0).astype(np.float32), SHOWN))
        kept = [place for place in near if exact[place] or words.share[place] >= LEAST_ALONE]
        hits = tuple(self._hit(place, "phrase" if exact[place] else "words") for place in kept)
        apart = () if hits else tuple(self._hit(place, "words") for place in near[:SHOWN_APART])
        return replace(found, hits=hits, apart=apart, note=None if hits else "nothing")

    # -- by meaning ----------------------------------------------------------------------------------------------

    def _by_meaning(
        self, found: Found, inquiry: Inquiry, words: Words, exact: npt.NDArray[np.bool_], within: npt.NDArray[np.bool_], now: datetime
    ) -> Found:
        learned = self._learned(inquiry)
        answers, note, request = self._answers(inquiry, found, now)
        as_typed = np.where(exact, words.score + 1.0, 0.0).astype(np.float32)
        hits = [self._hit(place, "phrase") for place in _best(as_typed, np.count_nonzero(exact))]
        if note == "unsure" and not words.share.any():
            note = "nothing"
        blend = np.where(within, learned + WORDS_COUNT * _whole(words), 0.0).astype(np.float32)
        if inquiry.alone or note == "small_talk":
            blend = np.zeros_like(blend)
        near = [self._near(learned, place) for place in _best(blend, 2 * SHOWN) if self._is_near(learned, words, place)]
        if note in _NO_ANSWER and not hits:
            return replace(found, note=note, apart=tuple(near[:SHOWN_APART]))
        hits += [*(self._hit(self._place[name], "answer") for name in answers), *near]
        first: dict[str, Hit] = {}
        for hit in hits:
            first.setdefault(hit.entry.id, hit)
        shown = tuple(first.values())[:SHOWN]
        return replace(found, hits=shown, note=None if exact.any() and note != "request" else note, request=request)

    @staticmethod
    def _is_near(learned: Floats, words: Words, place: int) -> bool:
        return bool(learned[place] >= LEAST_LEARNED or words.share[place] >= LEAST_SHARE)

    def _learned(self, inquiry: Inquiry) -> Floats:
        """The learned score of each entry, the best over the questions of a query."""
        scores = np.zeros(len(self._entries), dtype=np.float32)
        for question in inquiry.questions:
            for ranked in question.ranking.values():
                for name, score in ranked:
                    place = self._place.get(name)
                    if place is not None:
                        scores[place] = max(scores[place], score)
        return scores

    def _answers(self, inquiry: Inquiry, found: Found, now: datetime) -> tuple[list[str], Note | None, str | None]:
        """The entries that the assistant would reply with, company by company, the plainest first; and what is to be said of it."""
        companies = found.companies or self._asked(inquiry)
        language: Language = inquiry.language or LANGUAGES[0]
        if inquiry.wants.startswith(REQUEST_PREFIX):
            kind = inquiry.wants.removeprefix(REQUEST_PREFIX)
            if kind in REQUEST_FACETS:
                replies = [self._assistant.request(kind, company, State(language=language)) for company in companies]
                # What each company states of the right itself comes first, then how it is asked for, then where.
                in_turn = zip_longest(*(reply.state.entries for reply in replies))
                return [name for names in in_turn for name in names if name], "request", kind
        if inquiry.wants == OUT_OF_SCOPE:
            return [], "other_company" if inquiry.other else "out_of_scope", None
        if inquiry.wants == "ask_desk":
            companies = found.companies or ("lexus",)
        sure: list[str] = []
        unsure: list[str] = []
        for company in companies:
            if any(not question.ranking.get(company) for question in inquiry.questions):
                continue  # the model was trained before this company had its entries
            of_one = replace(inquiry, companies=(company,), weak=())
            reply = self._assistant.reply(of_one, State(language=language), now)
            sure += reply.state.entries
            unsure += reply.state.choices
        note: Mapping[str, Note] = {POLICY_QUESTION: "unsure", "ask_desk": "desk", "ask_person": "person", "name_company": "unsure"}
        if inquiry.wants == "name_company":
            return unsure, None, None
        if inquiry.wants in ("ask_desk", "ask_person"):
            return sure, note[inquiry.wants], None
        if inquiry.wants != POLICY_QUESTION:
            return [], "small_talk", None
        return (sure, None, None) if sure else ([], "unsure", None)

    def _asked(self, inquiry: Inquiry) -> tuple[str, ...]:
        """Companies, the one with the best score first."""
        best = dict.fromkeys(self.corpus.companies, 0.0)
        for question in inquiry.questions:
            for company, ranked in question.ranking.items():
                best[company] = max(best[company], ranked[0][1] if ranked else 0.0)
        return tuple(sorted(best, key=lambda company: -best[company])[:COMPANIES_ASKED])

    def _near(self, learned: Floats, place: int) -> Hit:
        return self._hit(place, "meaning" if learned[place] >= LEAST_LEARNED else "words")

    def _hit(self, place: int, why: Why) -> Hit:
        return Hit(self._entries[place], self._company[place], why)


def _best(scores: Floats, count: int) -> Iterator[int]:
    """The places of the best scores above zero, best first."""
    order = np.argsort(-scores, kind="stable")[:count]
    return (int(place) for place in order if scores[place] > 0)


def _whole(words: Words) -> Floats:
    """The words' score from 0 to 1: how much of the query is there, and how well it fits."""
    highest = words.score.max(initial=0.0)
    fits: Floats = words.share * words.score / highest if highest > 0 else words.share
    return fits


def is_term(query: str) -> bool:
    """Whether a query is a term and not a question: a word or three, no particle, or with a digit or an at sign."""
    if "?" in query:
        return False
    found = list(runs(query))
    if any(char.isdigit() or char == "@" for char in query):
        return len(found) <= 8
    if any(run.is_japanese for run in found):
        return len(found) <= 2 and not any(is_hiragana(char) for run in found for char in run.typed)
    return len(found) <= 3 and not any(run.text in STOP for run in found)
