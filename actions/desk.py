"""The LEXUS Information Desk's number, hours and state now."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Desk(SafeAction):
    """The LEXUS Information Desk's number, hours and state now."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_desk"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().desk(inquiry, state, now)
