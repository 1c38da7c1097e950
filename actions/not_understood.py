"""A message that nothing known comes near."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class NotUnderstood(SafeAction):
    """A message that nothing known comes near."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_not_understood"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().not_understood(inquiry, state, now)
