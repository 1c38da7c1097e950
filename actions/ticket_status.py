"""The state of a request already made."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class TicketStatus(SafeAction):
    """The state of a request already made."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_ticket_status"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().ticket_status(inquiry, state, now)
