"""A person is wanted."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Human(SafeAction):
    """A person is wanted."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_human"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().human(inquiry, state, now)
