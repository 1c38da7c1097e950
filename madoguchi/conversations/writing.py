"""How messages come into a conversation, and how they are shown; those that a turn waits for go by short.py, in statements made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language

from .errors import ConversationError
from .tables import BOT, CUSTOMER, Conversation, Message


@dataclass(frozen=True)
class Draft:
    """A message that has no number yet.

    Attributes:
        text: all of it as plain text, for transcripts and for the assistant.
        body: `blocks`, `offers` [{"title", "payload"}], `masked`, `answer`, as far as there are any.
    """

    sender: str
    lang: Language
    text: str
    kind: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    client_id: str | None = None


@dataclass(frozen=True)
class News:
    """What one transaction changed in a conversation that the assistant speaks in.

    A reader who has seen `before` has seen all that came earlier, and need not read the database; everybody else has to.

    Attributes:
        before, version: the conversation's version before the transaction and after it.
        messages, state: as readers are shown them.
    """

    before: int
    version: int
    messages: Sequence[dict[str, Any]]
    state: dict[str, Any]


def locked(session: Session, conversation_id: str) -> Conversation:
    """The conversation, its row locked until the transaction ends.

    Raises:
        ConversationError: `gone`, it was deleted.
    """
    found = session.execute(sa.select(Conversation).where(Conversation.id == conversation_id).with_for_update()).scalar_one_or_none()
    if found is None:
        raise ConversationError("gone")
    return found


def existing(session: Session, conversation_id: str) -> Conversation:
    """The conversation, its row not locked.

    Raises:
        ConversationError: `gone`, it was deleted.
    """
    found = session.get(Conversation, conversation_id)
    if found is None:
        raise ConversationError("gone")
    return found


def append(session: Session, conversation: Conversation, draft: Draft, now: datetime) -> Message:
    """Number a message and keep it; the lock on the conversation's row makes numbers free of gaps and visible in their order."""
    conversation.last_seq += 1
    conversation.version += 1
    message = Message(
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        client_id=draft.client_id,
        sender=draft.sender,
        kind=draft.kind,
        lang=draft.lang,
        text=draft.text,
        body=dict(draft.body),
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message


def text_block(text: str) -> dict[str, Any]:
    """A paragraph without links."""
    return {"type": "text", "runs": [{"text": text}]}


def shown(message: Any, helpful: bool | None = None) -> dict[str, Any]:
    """A message as the customer API describes it (openapi.yml, Message): without payloads and without the assistant's own notes.

    Args:
        message: a Message, or what has its attributes.
        helpful: the customer's vote on it.
    """
    body = message.body
    view = {
        "seq": message.seq,
        "client_id": message.client_id,
        "sender": message.sender,
        "kind": message.kind,
        "lang": message.lang,
        "at": message.created_at.isoformat(),
        "blocks": body.get("blocks") or [text_block(message.text)],
        "offers": [{"id": f"{message.seq}-{n}", "title": offer["title"]} for n, offer in enumerate(body.get("offers", ()))],
        "masked": body.get("masked", []),
    }
    if body.get("votable"):
        view |= {"votable": True, "helpful": helpful}
    return view


def state_of(conversation: Any) -> dict[str, Any]:
    """A conversation's state as the customer API describes it (openapi.yml, State)."""
    return {
        "state": conversation.state,
        "site": conversation.site,
        "lang": conversation.lang,
        "last_seq": conversation.last_seq,
        "working": conversation.state == BOT and conversation.asked_seq > conversation.answered_seq,
    }


def next_question(session: Session, conversation: Conversation) -> Message | None:
    """The oldest message of the customer that the assistant has not answered."""
    query = (
        sa.select(Message)
        .where(Message.conversation_id == conversation.id, Message.sender == CUSTOMER, Message.seq > conversation.answered_seq)
        .order_by(Message.seq)
        .limit(1)
    )
    return session.execute(query).scalar_one_or_none()
