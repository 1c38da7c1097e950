"""The queue of mails: rows that are written in the transaction of what they tell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .office import Office
from .states import AWAITING_DOCUMENTS, CLOSED, DECISIONS, NEEDS_ROUTING, RECEIVED
from .tables import QUEUED, Mail, Ticket

_MOVED = {RECEIVED: "received", NEEDS_ROUTING: "needs_routing", AWAITING_DOCUMENTS: "documents_needed", CLOSED: "closed"}


def queue(
    office: Office, session: Session, ticket: Ticket, kind: str, key: str, email: str, now: datetime,
    facts: Mapping[str, Any], expires_at: datetime | None = None,
) -> None:  # fmt: skip
    """Queue a mail, once for its key."""
    if session.execute(sa.select(Mail.id).where(Mail.key == key)).scalar_one_or_none() is not None:
        return
    session.add(
        Mail(
            id=uuid.uuid4().hex, key=key, ticket_id=ticket.id, kind=kind, lang=ticket.lang, facts=dict(facts),
            recipient=office.seals.blind_index(ticket.company, "email", email), state=QUEUED, tries=0,
            next_try_at=now, expires_at=expires_at, created_at=now,
        )
    )  # fmt: skip


def kind_for(state: str) -> str | None:
    """The kind of the mail about a state, where there is one."""
    return "decision" if state in DECISIONS else _MOVED.get(state)


def tell_of_move(office: Office, session: Session, ticket: Ticket, now: datetime) -> None:
    """Queue the mail about the state that a ticket has just come into, where there is one and the mailbox is proven."""
    kind = kind_for(ticket.state)
    if kind is None or not ticket.contact_verified:
        return
    email = office.seals.read(session, ticket.id, "email")
    if email is not None:
        facts = {"state": ticket.state, "reason": ticket.reason}
        queue(office, session, ticket, kind, f"{ticket.number}|{kind}|{ticket.version}", email, now, facts)
