"""A conversation goes on after a long silence: its language stays, a request that was being put together does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, EventType, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from madoguchi.answers.draft import DISCARDED

ACTION_LISTEN = "action_listen"


class SessionStart(Action):
    """Begins a session (domain.yml: after 30 minutes without a message)."""

    def name(self) -> str:
        """The name under which Rasa calls it."""
        return "action_session_start"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]) -> list[EventType]:
        """Carry the language over; where a form was open, leave word for the next reply that its draft was discarded."""
        events: list[EventType] = [SessionStarted()]
        if tracker.slots.get("language"):
            events.append(SlotSet("language", tracker.slots["language"]))
        if tracker.active_loop.get("name"):
            events.append(SlotSet("request_decision", DISCARDED))
        return [*events, ActionExecuted(ACTION_LISTEN)]
