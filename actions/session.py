"""A conversation goes on after a long silence: its language stays, a request that was being put together does not."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import ActionExecuted, EventType, SessionStarted, SlotSet

from madoguchi.answers.draft import DISCARDED

from .base import SafeEvents

ACTION_LISTEN = "action_listen"


class SessionStart(SafeEvents):
    """Begins a session (domain.yml: after 30 minutes without a message)."""

    otherwise = (SessionStarted(), ActionExecuted(ACTION_LISTEN))

    def name(self) -> str:
        """The name under which Rasa calls it."""
        return "action_session_start"

    def events(self, tracker: Tracker) -> list[EventType]:
        """Carry the language over; where a form was open, leave word for the next reply that its draft was discarded."""
        events: list[EventType] = [SessionStarted()]
        if tracker.slots.get("language"):
            events.append(SlotSet("language", tracker.slots["language"]))
        if tracker.active_loop.get("name"):
            events.append(SlotSet("request_decision", DISCARDED))
        return [*events, ActionExecuted(ACTION_LISTEN)]
