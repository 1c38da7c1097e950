"""A matter that the assistant cannot help with."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class OutOfScope(SafeAction):
    """A matter that the assistant cannot help with."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_out_of_scope"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().out_of_scope(inquiry, state, now)
