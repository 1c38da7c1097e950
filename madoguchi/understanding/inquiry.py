"""What the understanding finds in a message, in the shape in which it travels through Rasa's tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from madoguchi import Language

Ranking = Mapping[str, tuple[tuple[str, float], ...]]
"""For each company, its clauses and gaps with their scores for a question (about 0 to 1), the best first."""

POLICY_QUESTION = "ask_policy"
NAME_COMPANY = "name_company"
OUT_OF_SCOPE = "out_of_scope"
NOT_UNDERSTOOD = "nlu_fallback"
REQUEST_PREFIX = "request_"


@dataclass(frozen=True)
class Question:
    """One question of a message.

    Attributes:
        text: the part of the message, cleaned and masked.
        ranking: clauses and gaps of every company.
        near: cosine to the nearest phrasing that the assistant knows, 0 to 1.
    """

    text: str
    ranking: Ranking
    near: float = 1.0


@dataclass(frozen=True)
class Inquiry:
    """A message understood.

    Attributes:
        wants: the intent.
        confidence: of the intent, 0 to 1.
        language: of the message, None where it has none of its own.
        companies, weak, other, alone: as in `naming.Naming`.
        questions: the questions asked, one as a rule; none where the message asks nothing of a policy.
        entry: the clause or gap chosen by a button.
    """

    wants: str
    confidence: float
    language: Language | None
    companies: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    other: bool = False
    alone: bool = False
    questions: tuple[Question, ...] = ()
    entry: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON data, for the tracker."""
        return {**vars(self), "questions": [question_to_dict(q) for q in self.questions]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Inquiry:
        """The inverse of `to_dict`."""
        return cls(
            wants=raw["wants"],
            confidence=raw["confidence"],
            language=raw["language"],
            companies=tuple(raw["companies"]),
            weak=tuple(raw["weak"]),
            other=raw["other"],
            alone=raw["alone"],
            questions=tuple(question_from_dict(q) for q in raw["questions"]),
            entry=raw["entry"],
        )


def question_to_dict(question: Question) -> dict[str, Any]:
    """As JSON data; scores to three places, since thousands of them stand in a long conversation."""
    ranking = {company: [[entry, round(score, 3)] for entry, score in ranked] for company, ranked in question.ranking.items()}
    return {"text": question.text, "ranking": ranking, "near": round(question.near, 3)}


def question_from_dict(raw: Mapping[str, Any]) -> Question:
    """The inverse of `question_to_dict`."""
    ranking = {company: tuple((str(entry), float(score)) for entry, score in ranked) for company, ranked in raw["ranking"].items()}
    return Question(raw["text"], ranking, raw["near"])
