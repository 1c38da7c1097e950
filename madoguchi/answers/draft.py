"""A data subject request that is being put together in the conversation; nothing personal stands in it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

OPEN, CANCEL, DISCARDED = "open", "cancel", "discarded"
STEPS = ("company", "type", "relation", "channel", "about", "decision")


@dataclass(frozen=True)
class Draft:
    """The answers so far; None where a step is still open.

    Attributes:
        relation, channel: an option's name; about: an option's name or the customer's masked words.
        decision: what ends the form: OPEN, CANCEL or DISCARDED.
        guess: the type that the first message sounded like.
        id: of this form, so that the same form opens one ticket.
        stated: whether the customer was told what the policy states about a request of this type.
        changing: whether it is asked which answer is to be changed.
        unread: how many times running an answer could not be read.
        number: of the ticket, once it is open.
        heard: words that were answered as a question where a description was asked for.
    """

    company: str | None = None
    type: str | None = None
    relation: str | None = None
    channel: str | None = None
    about: str | None = None
    decision: str | None = None
    guess: str | None = None
    id: str | None = None
    stated: bool = False
    changing: bool = False
    unread: int = 0
    heard: str | None = None
    number: str | None = None

    @property
    def step(self) -> str | None:
        """The first open step; None at the end of the form."""
        if self.decision in (CANCEL, DISCARDED):
            return None
        return next((name for name in STEPS if getattr(self, name) is None), None)

    def having(self, **values: Any) -> Draft:
        """The same draft with other values."""
        return replace(self, **values)

    @property
    def is_complete(self) -> bool:
        """Whether every answer that a ticket needs is there."""
        return all(getattr(self, name) is not None for name in STEPS[:-1])


DRAFT_FIELDS = tuple(field.name for field in fields(Draft))
"""The slots are called `request_<field>`."""
