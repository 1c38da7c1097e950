"""The original wording of what was answered."""

from __future__ import annotations

from datetime import datetime

from madoguchi.answers import Reply, State
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, assistant


class Original(SafeAction):
    """The original wording of what was answered."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_original"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The reply to a message."""
        return assistant().original(inquiry, state, now)
