"""Understanding of a message: language, companies, what it wants, and the ranking of clauses and gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from madoguchi import Language
from madoguchi.corpus import Corpus
from madoguchi.text import MAX_UNDERSTOOD, fold, language_of

from .choices import Choice
from .encoder import Encoder, Matrix, encode_many
from .inquiry import NAME_COMPANY, NOT_UNDERSTOOD, OUT_OF_SCOPE, POLICY_QUESTION, Inquiry, Question
from .knowledge import INTENT, entry_column, intents, phrasings
from .learned import Example, Floats, Model, Scores
from .naming import Namer, Naming

RANKED = 8
"""Clauses and gaps of each company that go with a message."""

POLICY_HANDICAP = 0.2
"""What is taken from the score of "a policy question", the commonest intent by far; chosen on folds (docs/understanding.md)."""

FAR = 0.35
"""Cosine to the nearest known question under which a message is taken for none; by this distance, not by confidence."""

SHARPNESS = 8.0
"""Scores of intents become a confidence by softmax(SHARPNESS x score); nothing is decided by it."""

_READABLE = re.compile(r"\w")
_DEFAULT: Language = "ja"


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
    def learn(corpus: Corpus, encoder: Encoder, dialogue: Iterable[tuple[str, str]]) -> Model:
        """Train the model on the corpus's phrasings and the dialogue's (text, intent) examples."""
        namer = Namer(corpus)
        examples: list[Example] = [*phrasings(corpus, namer), *intents(dialogue, namer)]
        return Model.train(examples, encode_many(encoder, [example.text for example in examples]))

    @classmethod
    def load(cls, folder: Path, corpus: Corpus, encoder: Encoder, choices: Mapping[str, Choice]) -> Understanding:
        """Load a trained understanding."""
        return cls(corpus, Model.load(folder), encoder, choices)

    def naming(self, text: str) -> tuple[Language | None, Naming]:
        """Language and names of a message."""
        language = language_of(text)
        return language, self._namer.find(text, language or _DEFAULT)

    def understand(self, text: str, dense: Matrix | None = None) -> Inquiry:
        """Understand a message.

        Args:
            text: cleaned and masked; what stands after the first `MAX_UNDERSTOOD` characters is not looked at.
            dense: the message's embedding (one row, of the text with companies' names replaced), where it is there already.
        """
        text = text[:MAX_UNDERSTOOD]
        choice = self._choices.get(fold(text))
        if choice is not None:
            companies = (choice.company,) if choice.company else ()
            return Inquiry(choice.wants, 1.0, choice.language, companies=companies, alone=bool(companies), entry=choice.entry)
        if not _READABLE.search(text):
            return Inquiry(NOT_UNDERSTOOD, 0.0, None)
        language, naming = self.naming(text)
        if dense is None:
            dense = self._encoder.encode([naming.bare])
        scores = self._model.score(naming.bare, dense)
        wants, confidence = self._wants(scores, naming)
        question = Question(text, self._ranking(scores.columns), float(scores.alike[self._in_scope].max(initial=0.0)))
        return Inquiry(
            wants=wants,
            confidence=confidence,
            language=language,
            companies=naming.companies,
            weak=naming.weak,
            other=naming.other,
            alone=naming.alone,
            questions=(question,),
        )

    def _wants(self, scores: Scores, naming: Naming) -> tuple[str, float]:
        if naming.alone:
            return NAME_COMPANY, 1.0
        found = scores.columns[self._intent_places] - self._handicap
        chances = _softmax(found, SHARPNESS)
        best = int(chances.argmax())
        wants = self._intents[best]
        if wants == POLICY_QUESTION:
            near = float(scores.alike[self._in_scope].max(initial=0.0))
            if (naming.other and not naming.companies) or near < FAR:
                return OUT_OF_SCOPE, float(1.0 - near)
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
