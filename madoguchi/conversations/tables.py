"""The tables of conversations (issue 4): what is kept, and nothing beside it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import deferred

from madoguchi.store import Base, Json, UtcDateTime

BOT, QUEUED, HUMAN, CLOSED = "bot", "queued", "human", "closed"
CUSTOMER, ASSISTANT, PERSON, SYSTEM, NOTE = "customer", "assistant", "person", "system", "note"


class Conversation(Base):
    """One customer's conversation.

    Attributes:
        token_hash: SHA-256 of the token; the token itself is not kept.
        sender: what Rasa knows the conversation by.
        version: raised by every change that a reader should hear of.
        asked_seq, answered_seq: the newest message that the assistant is to answer, and the newest that it has.
        told_seq: the newest message for which the customer was told that the assistant is not there.
        lease_by, lease_until: the process that has a turn under way, and until when it is taken to be alive.
        address_hash: keyed hash of the network address, for limits; gone when the conversation is closed.
    """

    __tablename__ = "conversation"

    id = sa.Column(sa.String(32), primary_key=True)
    token_hash = sa.Column(sa.String(64), nullable=False, unique=True)
    sender = sa.Column(sa.String(64), nullable=False, unique=True)
    site = sa.Column(sa.String(40))
    lang = sa.Column(sa.String(2), nullable=False)
    state = sa.Column(sa.String(8), nullable=False, default=BOT)
    last_seq = sa.Column(sa.Integer, nullable=False, default=0)
    version = sa.Column(sa.Integer, nullable=False, default=0)
    asked_seq = sa.Column(sa.Integer, nullable=False, default=0)
    answered_seq = sa.Column(sa.Integer, nullable=False, default=0)
    told_seq = sa.Column(sa.Integer, nullable=False, default=0)
    retry_at = sa.Column(UtcDateTime)
    lease_by = sa.Column(sa.String(32))
    lease_until = sa.Column(UtcDateTime)
    address_hash = sa.Column(sa.String(64), index=True)
    created_at = sa.Column(UtcDateTime, nullable=False)
    active_at = sa.Column(UtcDateTime, nullable=False, index=True)
    closed_at = sa.Column(UtcDateTime)


class Message(Base):
    """One message; `body` holds `blocks`, `offers` (with the payload that a press sends), `masked` and the assistant's `answer`.

    Attributes:
        company, topic: of the assistant's answer; the database itself takes them out of `body` (migration 0005), for reports.
    """

    __tablename__ = "message"
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "client_id"),
        # Reports find all that they count in it, and read no message.
        sa.Index("ix_message_report", "sender", "created_at", "kind", "company", "topic", "lang", "conversation_id", "seq"),
    )

    conversation_id = sa.Column(sa.String(32), sa.ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    seq = sa.Column(sa.Integer, primary_key=True)
    client_id = sa.Column(sa.String(64))
    sender = sa.Column(sa.String(9), nullable=False)
    kind = sa.Column(sa.String(32))
    lang = sa.Column(sa.String(2), nullable=False)
    text = sa.Column(sa.Text, nullable=False)
    body = sa.Column(Json, nullable=False)
    created_at = sa.Column(UtcDateTime, nullable=False)
    company = deferred(sa.Column(sa.String(40), sa.Computed("body #>> '{answer,company}'")))
    topic = deferred(sa.Column(sa.String(40), sa.Computed("body #>> '{answer,topic}'")))


class Feedback(Base):
    """A vote on an answer; `words` only where the customer agreed, and gone with the conversation."""

    __tablename__ = "feedback"
    __table_args__ = (sa.UniqueConstraint("conversation_id", "seq"),)

    id = sa.Column(sa.Integer, primary_key=True)
    conversation_id = sa.Column(sa.String(32), sa.ForeignKey("conversation.id", ondelete="SET NULL"), index=True)
    seq = sa.Column(sa.Integer)
    helpful = sa.Column(sa.Boolean, nullable=False)
    kind = sa.Column(sa.String(32))
    company = sa.Column(sa.String(40))
    topic = sa.Column(sa.String(40))
    lang = sa.Column(sa.String(2), nullable=False)
    clauses = sa.Column(Json, nullable=False)
    words = sa.Column(sa.Text)
    created_at = sa.Column(UtcDateTime, nullable=False)


class Erasure(Base):
    """Events of a deleted conversation that Rasa's store may still hold; the row goes once they are gone."""

    __tablename__ = "erasure"

    sender = sa.Column(sa.String(64), primary_key=True)
    due_at = sa.Column(UtcDateTime, nullable=False)


class AddressUse(Base):
    """Messages of a network address within ten seconds, for limits; gone after an hour."""

    __tablename__ = "address_use"

    address_hash = sa.Column(sa.String(64), primary_key=True)
    tenth = sa.Column(sa.Integer, primary_key=True)
    messages = sa.Column(sa.Integer, nullable=False)


class Job(Base):
    """When a recurring job last ran, so that one process of several runs it."""

    __tablename__ = "job"

    name = sa.Column(sa.String(32), primary_key=True)
    ran_at = sa.Column(UtcDateTime, nullable=False)
