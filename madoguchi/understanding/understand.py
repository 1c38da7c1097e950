"""Understanding of a message: language, companies, what it wants, and the ranking of clauses and gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from madoguchi import Language
from madoguchi.corpus import Corpus
from madoguchi.text import MAX_UNDERSTOOD, fold, language_of

from .choices import Choice
from .encoder import Encoder, Matrix, encode_many
from .inquiry import NAME_COMPANY, NOT_UNDERSTOOD, OUT_OF_SCOPE, POLICY_QUESTION, Inquiry, Question
from .knowledge import INTENT, entry_column, intents, phrasings
from .learned import Model, Scores
from .naming import Namer, Naming
from .readings import by_sound
from .terms import Floats

RANKED = 8
"""Clauses and gaps of each company that go with a message."""

ABOUT_SHARE, REPEATED = 0.7, 0.5
"""A message that points back is ranked by itself and with what it points to in its place, in these shares; what was answered last
counts half in the latter, since its own title speaks for it. Chosen on follow-ups written for it (docs/understanding.md)."""

POLICY_HANDICAP = 0.25
"""What is taken from the score of "a policy question", the commonest intent by far; chosen on folds (docs/understanding.md)."""

FAR = 0.35
"""Cosine to the nearest known question under which a message is taken for none; by this distance, not by confidence."""

SHARPNESS = 8.0
"""Scores of intents become a confidence by softmax(SHARPNESS x score); nothing is decided by it."""

PLAIN = 0.6
"""Score plus lead of a part of a message from which the part counts as a question of its own."""

SAME_SOUND = 1.0
"""Score plus lead from which a question typed by sound is taken for the one that sounds the same."""

MAX_PARTS = 6
MAX_QUESTIONS = 3
_SHORTEST_PART = 5
_SMALLTALK = frozenset({"greet", "thank", "goodbye", "ask_bot", "affirm", "deny"})
_POINTED = frozenset({POLICY_QUESTION, "ask_bot", "affirm", NOT_UNDERSTOOD})
"""What a message that points back may be taken for by itself and yet be a question about what it points to."""
_READABLE = re.compile(r"\w")
_BREAK = re.compile(
    r"(?<=[。?!\n])|(?<=[.;] )|、?(?=(?:それと|それから|あと、|また、|加えて|ついでに))"
    r"|,? (?=(?:and also|also,|and how|and what|and who|and where|and when|and is|and do|and can)\b)"
)

_DEFAULT: Language = "ja"

_POINTER: Mapping[Language, re.Pattern[str]] = {
    "ja": re.compile(r"(?:それら?|これら?|そこ|そちら|この場合|さっきの|今の)(?:は|って|を|が|に|で|の|も)?|その"),
    # In "do they sell it?" they are the company; in "what are they used for?" what was spoken of.
    "en": re.compile(r"\b(?:that|it|those|these|(?<!do )(?<!did )(?<!will )(?<!can )they|them|this)\b|\bits(?= )", re.IGNORECASE),
}
_ASKS_FOR_MORE: Mapping[Language, re.Pattern[str]] = {
    "ja": re.compile(r"^(?:具体的に|詳しく|ほかに|他に|たとえば|例えば)"),
    "en": re.compile(r"^(?:which (?:ones|items)|what else|what exactly|such as)\b|\bexactly\?*$", re.IGNORECASE),
}
_SHORT: Mapping[Language, int] = {"ja": 25, "en": 60}


def points_back(text: str) -> bool:
    """Whether a message is short and speaks of something said before, as in "which items does that cover?"."""
    language = language_of(text) or _DEFAULT
    speaks_of_it = _POINTER[language].search(text) or _ASKS_FOR_MORE[language].search(text)
    return len(text) <= _SHORT[language] and speaks_of_it is not None


def spelled_out(text: str, title: str) -> str:
    """A message that points back, with the title of what it points to in the place of the pointer."""
    language = language_of(text) or _DEFAULT
    if language == "ja":
        return f"{title}の{_POINTER[language].sub('', text)}"
    pointed, count = _POINTER[language].subn(title.lower(), text, count=1)
    return pointed if count else f"{title}: {text}"


class _Reading(NamedTuple):
    """A message, or a sentence of it, read by itself."""

    wants: str
    confidence: float
    question: Question


class Understanding:
    """The understanding of one corpus, trained."""

    def __init__(self, corpus: Corpus, model: Model, encoder: Encoder, choices: Mapping[str, Choice]) -> None:
        """Put the parts together.

        Args:
            choices: payloads of buttons, folded, with their meanings (`choices.table`).
        """
        self._corpus = corpus
        self._model = model
        self._encoder = encoder
        self._choices = choices
        self._namer = Namer(corpus)
        place = {column: index for index, column in enumerate(model.columns)}
        self._intents = [column.removeprefix(INTENT) for column in model.columns if column.startswith(INTENT)]
        self._intent_places = [place[f"{INTENT}{intent}"] for intent in self._intents]
        handicap = [POLICY_HANDICAP if intent == POLICY_QUESTION else 0.0 for intent in self._intents]
        self._handicap = np.array(handicap, dtype=np.float32)
        self._entries = {
            company: [entry.id for entry in corpus.entries_of(company) if entry_column(company, entry.id) in place]
            for company in corpus.companies
        }
        self._entry_places = {company: [place[entry_column(company, name)] for name in names] for company, names in self._entries.items()}
        self._in_scope = model.groups != OUT_OF_SCOPE

    @staticmethod
    def learn(corpus: Corpus, encoder: Encoder, dialogue: Sequence[tuple[str, str]], known: Matrix | None = None) -> Model:
        """Train the model on the corpus's phrasings and the dialogue's (text, intent) examples.

        Args:
            known: a row of the encoder for each example of the dialogue, where they are there already.
        """
        namer = Namer(corpus)
        asked = [phrasing.example for phrasing in phrasings(corpus, namer)]
        said = list(intents(dialogue, namer))
        if known is None:
            known = encode_many(encoder, [example.text for example in said])
        return Model.train([*asked, *said], np.concatenate([encode_many(encoder, [example.text for example in asked]), known]))

    def understand(self, text: str, dense: Matrix | None = None, about: str | None = None) -> Inquiry:
        """Understand a message.

        Args:
            text: cleaned and masked; what stands after the first `MAX_UNDERSTOOD` characters is not looked at.
            dense: the message's embedding (one row, of the text with companies' names replaced), where it is there already.
            about: the clause or gap answered last, which a message may point back to.
        """
        text = text[:MAX_UNDERSTOOD]
        choice = self._choices.get(fold(text))
        if choice is not None:
            companies = (choice.company,) if choice.company else ()
            return Inquiry(choice.wants, 1.0, choice.language, companies=companies, alone=bool(companies), entry=choice.entry)
        if not _READABLE.search(text):
            return Inquiry(NOT_UNDERSTOOD, 0.0, None)
        language = language_of(text)
        naming = self._namer.find(text, language or _DEFAULT)
        whole = self._read(text, naming, dense)
        if about is not None and about in self._corpus.entries and points_back(text):
            whole = self._read_about(whole, naming, about)
        parts = self._parts(text, naming, language)
        wants, confidence, questions = self._together(whole, parts, naming)
        return Inquiry(
            wants=wants,
            confidence=confidence,
            language=language,
            companies=naming.companies,
            weak=naming.weak,
            other=naming.other,
            alone=naming.alone,
            questions=questions,
        )

    def _read(self, text: str, naming: Naming, dense: Matrix | None = None) -> _Reading:
        if by_sound(text):
            scores = self._model.score_by_sound(naming.bare)
        else:
            scores = self._model.score(naming.bare, self._encoder.encode([naming.bare]) if dense is None else dense)
        near = float(scores.alike[self._in_scope].max(initial=0.0))
        wants, confidence = self._wants(scores, naming, near)
        question = Question(text, self._ranking(scores.columns), near)
        if wants == OUT_OF_SCOPE and not naming.other and by_sound(text) and self._plainness(question, naming) >= SAME_SOUND:
            wants = POLICY_QUESTION
        return _Reading(wants, confidence, question)

    def _read_about(self, whole: _Reading, naming: Naming, about: str) -> _Reading:
        """A message read together with what it points back to."""
        if whole.wants not in _POINTED:
            return whole
        entry = self._corpus.entries[about]
        text = spelled_out(whole.question.text, entry.title[language_of(whole.question.text) or _DEFAULT])
        found = self._namer.find(text, language_of(text) or _DEFAULT)
        spelled = self._read(text, found)
        ranking = {}
        for company, ranked in spelled.question.ranking.items():
            together = {name: (1 - ABOUT_SHARE) * score for name, score in whole.question.ranking[company]}
            for name, score in ranked:
                together[name] = together.get(name, 0.0) + ABOUT_SHARE * score * (REPEATED if name == about else 1.0)
            ranking[company] = tuple(sorted(together.items(), key=lambda item: -item[1])[:RANKED])
        wants = POLICY_QUESTION if spelled.wants == POLICY_QUESTION else whole.wants
        return _Reading(wants, whole.confidence, Question(whole.question.text, ranking, whole.question.near))

    def _parts(self, text: str, naming: Naming, language: Language | None) -> list[_Reading]:
        """The sentences of a message of several, each read by itself."""
        if naming.alone:
            return []
        pieces = [piece.strip(" 、,") for piece in _BREAK.split(text) if len(fold(piece)) >= _SHORTEST_PART]
        if len(pieces) < 2:
            return []
        pieces = pieces[-MAX_PARTS:]
        namings = [self._namer.find(piece, language or _DEFAULT) for piece in pieces]
        rows = self._encoder.encode([naming.bare for naming in namings])  # together in half the time of one by one
        return [self._read(piece, naming, row) for piece, naming, row in zip(pieces, namings, rows)]

    def _together(self, whole: _Reading, parts: Sequence[_Reading], naming: Naming) -> tuple[str, float, tuple[Question, ...]]:
        """What a message wants, by itself and by its sentences.

        A greeting or thanks around a matter does not hide it; two plain questions are two; of a long story the sentence that
        asks plainly is understood, where the story as a whole is not plain.
        """
        if not parts:
            return whole.wants, whole.confidence, (whole.question,)
        matters = [part for part in parts if part.wants not in _SMALLTALK and part.wants not in (OUT_OF_SCOPE, NAME_COMPANY)]
        if whole.wants in _SMALLTALK:
            plain = [part for part in matters if part.wants != POLICY_QUESTION or self._plainness(part.question, naming) >= PLAIN]
            best = max(plain, key=lambda part: part.confidence, default=whole)
            return best.wants, best.confidence, (best.question,)
        if whole.wants != POLICY_QUESTION:
            return whole.wants, whole.confidence, (whole.question,)
        asked = [part for part in matters if part.wants == POLICY_QUESTION and self._plainness(part.question, naming) >= PLAIN]
        distinct = list(self._best(asked, naming).values())
        if len(distinct) > 1:
            return POLICY_QUESTION, whole.confidence, tuple(part.question for part in distinct[:MAX_QUESTIONS])
        best_part = max(asked, key=lambda part: self._plainness(part.question, naming), default=whole)
        if self._plainness(whole.question, naming) >= min(PLAIN, self._plainness(best_part.question, naming)):
            best_part = whole
        return POLICY_QUESTION, whole.confidence, (best_part.question,)

    @staticmethod
    def _companies(question: Question, naming: Naming) -> Iterable[str]:
        return naming.companies or question.ranking.keys()

    def _plainness(self, question: Question, naming: Naming) -> float:
        """Score of the best entry plus its lead, for the company named, else of the plainest company."""
        ranked = [question.ranking[company] for company in self._companies(question, naming)]
        return max(of[0][1] + (of[0][1] - of[1][1] if len(of) > 1 else 0.0) for of in ranked)

    def _best(self, asked: Sequence[_Reading], naming: Naming) -> dict[tuple[str, ...], _Reading]:
        """Readings by what they lead to, the first of each."""
        found: dict[tuple[str, ...], _Reading] = {}
        for part in asked:
            leads_to = tuple(part.question.ranking[company][0][0] for company in self._companies(part.question, naming))
            found.setdefault(leads_to, part)
        return found

    def _wants(self, scores: Scores, naming: Naming, near: float) -> tuple[str, float]:
        if naming.alone:
            return NAME_COMPANY, 1.0
        found = scores.columns[self._intent_places] - self._handicap
        chances = _softmax(found, SHARPNESS)
        best = int(chances.argmax())
        wants = self._intents[best]
        if wants == POLICY_QUESTION and ((naming.other and not naming.companies) or near < FAR):
            return OUT_OF_SCOPE, 1.0 - near
        return wants, float(chances[best])

    def _ranking(self, columns: Floats) -> dict[str, tuple[tuple[str, float], ...]]:
        ranking = {}
        for company, places in self._entry_places.items():
            scores = columns[places]
            order = np.argsort(-scores)[:RANKED]
            ranking[company] = tuple((self._entries[company][i], float(scores[i])) for i in order)
        return ranking


def _softmax(scores: Floats, sharpness: float) -> Floats:
    raised = np.exp(sharpness * (scores - scores.max()))
    chances: Floats = raised / raised.sum()
    return chances
