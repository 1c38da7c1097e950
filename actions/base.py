"""The base of every action: what it reads from a tracker, what it writes back, and what happens when it fails."""

from __future__ import annotations

import itertools
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from madoguchi import LANGUAGES, Language
from madoguchi.answers import DRAFT_FIELDS, Assistant, Draft, Reply, RequestForm, State, phrase
from madoguchi.answers.draft import DISCARDED
from madoguchi.answers.form import say
from madoguchi.corpus import shared_corpus
from madoguchi.settings import Settings
from madoguchi.text import language_of
from madoguchi.understanding.inquiry import NOT_UNDERSTOOD, Inquiry, question_from_dict, question_to_dict

INQUIRY = "inquiry"
"""The key under which the understanding leaves its findings in a message's parse data."""

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def assistant() -> Assistant:
    """The assistant of this process."""
    return Assistant(shared_corpus(), f"{Settings.load().public_url}status")


@lru_cache(maxsize=1)
def form() -> RequestForm:
    """The form of data subject requests."""
    return RequestForm(assistant())


def inquiry_of(tracker: Tracker) -> Inquiry:
    """The understanding's findings on the latest message."""
    found = tracker.latest_message.get(INQUIRY)
    if not found:
        return Inquiry(NOT_UNDERSTOOD, 0.0, language_of(tracker.latest_message.get("text") or ""))
    return Inquiry.from_dict(found)


def metadata_of(tracker: Tracker) -> Mapping[str, Any]:
    """What came with the latest message beside its text; the channel has checked it."""
    return tracker.latest_message.get("metadata") or {}


def _has_answered(tracker: Tracker) -> bool:
    """Whether something was said already in reply to the latest message."""
    since = itertools.takewhile(lambda event: event["event"] != "user", reversed(tracker.events))
    return any(event["event"] == "bot" for event in since)


def state_of(tracker: Tracker) -> State:
    """The conversation's state from its slots and the latest message's metadata."""
    metadata = metadata_of(tracker)
    slots = tracker.slots
    language: Language | None = slots.get("language") or metadata.get("lang")
    return State(
        sender=tracker.sender_id,
        language=language if language in LANGUAGES else None,
        company=slots.get("company"),
        site=metadata.get("site"),
        questions=tuple(question_from_dict(q) for q in slots.get("questions") or ()),
        pending=slots.get("pending"),
        entries=tuple(slots.get("entries") or ()),
        choices=tuple(slots.get("choices") or ()),
        unsure=int(slots.get("unsure") or 0),
        draft=Draft(**{name: slots.get(f"request_{name}") for name in DRAFT_FIELDS if slots.get(f"request_{name}") is not None}),
        interrupted=_has_answered(tracker),
        on_page=metadata.get("via") == "web",
    )


def slots_of(before: State, after: State) -> list[EventType]:
    """The slot events that take a conversation from one state to another."""
    values = {
        "language": (before.language, after.language),
        "company": (before.company, after.company),
        "questions": ([question_to_dict(q) for q in before.questions], [question_to_dict(q) for q in after.questions]),
        "pending": (before.pending, after.pending),
        "entries": (list(before.entries), list(after.entries)),
        "choices": (list(before.choices), list(after.choices)),
        "unsure": (float(before.unsure), float(after.unsure)),
        **{f"request_{name}": (getattr(before.draft, name), getattr(after.draft, name)) for name in DRAFT_FIELDS},
    }
    return [SlotSet(name, new) for name, (old, new) in values.items() if old != new]


class SafeAction(Action, ABC):
    """An action that always replies: a failure becomes an apology with an error id, and no more than the id is logged."""

    @abstractmethod
    def name(self) -> str:
        """The action's name in domain.yml."""

    @abstractmethod
    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]) -> list[EventType]:
        """Reply and set the slots."""
        before = State()
        try:
            before = state_of(tracker)
            inquiry = inquiry_of(tracker)
            reply = self.respond(inquiry, Assistant.settled(inquiry, before), datetime.now(timezone.utc))
        except Exception as error:  # the customer gets an answer whatever happened, and the log no personal data
            error_id = secrets.token_hex(4)
            logger.error("%s failed, error id %s", self.name(), error_id, exc_info=error)
            reply = _apology(tracker, before, error_id)
        if before.draft.decision == DISCARDED:
            reply = replace(reply.with_note(say("discarded", reply.language)), state=replace(reply.state, draft=Draft()))
        if metadata_of(tracker).get("masked") and not reply.is_further:
            reply = reply.with_note(phrase("masked", reply.language))
        dispatcher.utter_message(
            text=reply.text,
            buttons=[{"title": b.title, "payload": b.payload} for b in reply.buttons] or None,
            json_message=reply.custom(),
        )
        return slots_of(before, reply.state)


class SafeEvents(Action, ABC):
    """An action that says nothing itself: a failure becomes the events of `otherwise`, and no more than an error id is logged."""

    otherwise: tuple[EventType, ...] = ()

    @abstractmethod
    def name(self) -> str:
        """The action's name in domain.yml."""

    @abstractmethod
    def events(self, tracker: Tracker) -> list[EventType]:
        """What the action sets."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]) -> list[EventType]:
        """Return the events."""
        try:
            return self.events(tracker)
        except Exception as error:  # Rasa would write the whole conversation to the log
            logger.error("%s failed, error id %s", self.name(), secrets.token_hex(4), exc_info=error)
            return list(self.otherwise)


def _apology(tracker: Tracker, state: State, error_id: str) -> Reply:
    language = language_of(tracker.latest_message.get("text") or "") or state.language or LANGUAGES[0]
    return Reply("error", language, phrase("error", language, error_id=error_id), state)
