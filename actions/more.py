"""The rest of a long answer."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class More(SafeAction):
    """The rest of a long answer."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_more"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().more(inquiry, state, now)
