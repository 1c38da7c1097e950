"""A company was named: for the question that waits, or for the last one."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Company(SafeAction):
    """A company was named: for the question that waits, or for the last one."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_company"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().company_named(inquiry, state, now)
