"""A question about a policy, a company named for a question, or a button for a clause."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Answer(SafeAction):
    """A question about a policy, a company named for a question, or a button for a clause."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_answer"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().answer(inquiry, state, now)
