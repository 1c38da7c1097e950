"""A reply, and what of a conversation it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from madoguchi import Language
from madoguchi.understanding.inquiry import Question

from .draft import Draft


@dataclass(frozen=True)
class State:
    """What a conversation has settled so far.

    Attributes:
        sender: what Rasa knows the conversation by.
        company: the company last talked about; `site`: that of the page the chat stands on, None where unknown.
        questions: the last policy questions with their rankings of every company, for "and Infiniti?".
        pending: the intent that waits for the company to be named.
        entries: clauses and gaps of the last answer, for "show me the original".
        choices: entries last offered because the question was unclear.
        unsure: how many times running the assistant was unsure.
        draft: the request that is being put together.
        interrupted: whether something else was answered in this turn before the form asks on.
        on_page: whether the reply is shown by our own page, which has forms of its own.
    """

    language: Language | None = None
    sender: str = ""
    company: str | None = None
    site: str | None = None
    questions: tuple[Question, ...] = ()
    pending: str | None = None
    entries: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    unsure: int = 0
    draft: Draft = field(default_factory=Draft)
    interrupted: bool = False
    on_page: bool = False


@dataclass(frozen=True)
class Button:
    """A choice: what it shows, and the plain text that a press sends."""

    title: str
    payload: str


@dataclass(frozen=True)
class Reply:
    """What the assistant says and the object that programs read (eval contract: kind, company, topic, request, citations).

    Attributes:
        state: the conversation's state after this reply.
        view: for people's eyes: points, source, translation, original, next.
        is_further: said beside another reply of the same turn, so without an object of its own.
    """

    kind: str
    language: Language
    text: str
    state: State
    company: str | None = None
    topic: str | None = None
    request: str | None = None
    citations: tuple[str, ...] = ()
    view: Mapping[str, Any] = field(default_factory=dict)
    buttons: tuple[Button, ...] = ()
    is_further: bool = False

    def custom(self) -> dict[str, Any] | None:
        """The object that goes with the message."""
        if self.is_further:
            return None
        answer = {
            "kind": self.kind,
            "company": self.company,
            "topic": self.topic,
            "request": self.request,
            "language": self.language,
            "citations": list(self.citations),
        }
        return {"answer": answer, "view": dict(self.view)} if self.view else {"answer": answer}

    def with_note(self, note: str) -> Reply:
        """The same reply with a sentence after it."""
        return replace(self, text=f"{self.text}\n{note}")
