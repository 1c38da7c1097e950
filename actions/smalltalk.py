"""Greetings, thanks, goodbyes, and what this is."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Smalltalk(SafeAction):
    """Greetings, thanks, goodbyes, and what this is."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_smalltalk"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().smalltalk(inquiry, state, now)
