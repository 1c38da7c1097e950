"""The tables of handovers to staff and of live chats (issue 6)."""

from __future__ import annotations

import sqlalchemy as sa

from madoguchi.store import Base, Json, UtcDateTime

ASKED, UNSURE, REQUEST = "asked", "unsure", "request"
"""Why a person is wanted: the customer asked, the assistant was unsure twice running, or a request has to be passed on."""

ANSWERED, TICKET, CONTACT, LEFT, OTHER = "answered", "ticket", "contact", "left", "other"
OUTCOMES = (ANSWERED, TICKET, CONTACT, LEFT, OTHER)
"""What staff may say when they close a chat."""
RETURNED, CANCELLED, ERASED = "returned", "cancelled", "erased"
"""How else a handover ends: staff gave it back to the assistant, the customer did, the conversation was deleted."""

CUSTOMER_SIGN = "customer"


class Handover(Base):
    """One time that a conversation went to staff. At most one of a conversation is open.

    Attributes:
        conversation_id: None once the conversation was deleted; the row then tells how often and why, and of nobody.
        company, topic, lang: what it is about; a company that is not known makes it everybody's.
        summary: for staff: companies, topics, citations, how often the assistant was unsure, the open ticket; empty after deletion.
        queued_at: when the customer first came into the queue, by which it is ordered; `waiting_since`: this time.
        told_at: when the customer was told that nobody has come.
        taken_by: the account that answers; None in the queue.
        ended_seq: the last message that belongs to it; staff read none after it.
    """

    __tablename__ = "handover"

    id = sa.Column(sa.Integer, primary_key=True)
    conversation_id = sa.Column(sa.String(32), sa.ForeignKey("conversation.id", ondelete="SET NULL"), index=True)
    reason = sa.Column(sa.String(16), nullable=False)
    company = sa.Column(sa.String(40))
    topic = sa.Column(sa.String(40))
    lang = sa.Column(sa.String(2), nullable=False)
    summary = sa.Column(Json, nullable=False)
    queued_at = sa.Column(UtcDateTime, nullable=False, index=True)
    waiting_since = sa.Column(UtcDateTime, nullable=False)
    told_at = sa.Column(UtcDateTime)
    taken_by = sa.Column(sa.String(32))
    taken_at = sa.Column(UtcDateTime)
    first_reply_at = sa.Column(UtcDateTime)
    ended_at = sa.Column(UtcDateTime)
    ended_seq = sa.Column(sa.Integer)
    outcome = sa.Column(sa.String(16))

    __table_args__ = (
        sa.Index("uq_handover_open", "conversation_id", unique=True, sqlite_where=ended_at.is_(None), postgresql_where=ended_at.is_(None)),
    )


class StaffPresence(Base):
    """Whether somebody's console is open, and whether they take chats; `companies` as of their account."""

    __tablename__ = "staff_presence"

    account_id = sa.Column(sa.String(32), primary_key=True)
    companies = sa.Column(Json, nullable=False)
    is_available = sa.Column(sa.Boolean, nullable=False)
    seen_at = sa.Column(UtcDateTime, nullable=False)


class Sign(Base):
    """What is fleeting about somebody in a live chat: when they were last there, last typed, and up to where they have read.

    Attributes:
        who: an account, or `customer`.
    """

    __tablename__ = "chat_sign"

    conversation_id = sa.Column(sa.String(32), sa.ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    who = sa.Column(sa.String(32), primary_key=True)
    seen_at = sa.Column(UtcDateTime)
    typing_at = sa.Column(UtcDateTime)
    read_seq = sa.Column(sa.Integer, nullable=False, default=0)
