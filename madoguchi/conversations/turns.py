"""The assistant's side of a conversation: which question is next, one process at a time, and what becomes of the answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.store import Database, utc_now

from . import short
from .tables import BOT, NOTE, Conversation
from .writing import Draft, News, append, next_question

LEASE = timedelta(seconds=45)
"""Longer than the assistant's two tries at a turn take; where a process dies, another goes on after it."""


@dataclass(frozen=True)
class Claim:
    """A question that this process is to have answered.

    Attributes:
        text: what the assistant is sent: the text, or the payload of the offer that was pressed.
        is_told: whether the customer was told already that the assistant is not there.
    """

    conversation_id: str
    seq: int
    sender: str
    text: str
    site: str | None
    lang: Language
    asked_at: datetime
    is_told: bool


@dataclass(frozen=True)
class Kept:
    """What became of an answer.

    Attributes:
        is_kept: false where the conversation was deleted meanwhile; the object's truth.
        news: for readers.
        next: the next question, which is this process's already.
    """

    is_kept: bool
    news: News | None = None
    next: Claim | None = None

    def __bool__(self) -> bool:
        return self.is_kept


class Turns:
    """Claims of one process."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now
        self._me = uuid.uuid4().hex

    @property
    def process(self) -> str:
        """What the claims of this process are marked with."""
        return self._me

    def waiting(self) -> list[str]:
        """Conversations with an unanswered question that nobody works on: a process died, or the assistant was away."""
        now = self._now()
        query = sa.select(Conversation.id).where(
            Conversation.state == BOT,
            Conversation.asked_seq > Conversation.answered_seq,
            sa.or_(Conversation.lease_until.is_(None), Conversation.lease_until < now),
            sa.or_(Conversation.retry_at.is_(None), Conversation.retry_at <= now),
        )
        with self._database.read() as session:
            return list(session.execute(query).scalars())

    def claim(self, conversation_id: str) -> Claim | None:
        """The next question, for this process alone; None where there is none or another process is at it."""
        now = self._now()
        with self._database.write() as session:
            free = sa.or_(Conversation.lease_until.is_(None), Conversation.lease_until < now, Conversation.lease_by == self._me)
            taken = session.execute(
                sa.update(Conversation)
                .where(
                    Conversation.id == conversation_id, Conversation.state == BOT, free, Conversation.asked_seq > Conversation.answered_seq
                )
                .values(lease_by=self._me, lease_until=now + LEASE)
                .execution_options(synchronize_session=False)
            )
            if taken.rowcount != 1:
                return None
            conversation = session.get(Conversation, conversation_id)
            message = next_question(session, conversation)
            if message is None:
                return None
            return claim_of(conversation, message)

    def answer(self, claim: Claim, drafts: Sequence[Draft]) -> Kept:
        """Keep the assistant's answer, and take the next question or free the conversation.

        An answer that comes after a person took over is kept as a note, which the customer does not see.
        """
        now = self._now()
        with self._database.statements() as connection:
            found = connection.execute(short.OURS, {"id_": claim.conversation_id, "me": self._me}).first()
            if found is None:
                return Kept(connection.execute(short.EXISTS, {"id_": claim.conversation_id}).first() is not None)
            rows = []
            for number, draft in enumerate(drafts, 1):
                # Staff may have come and gone meanwhile, who saw the question.
                sender = draft.sender if found.state == BOT and claim.seq > found.answered_seq else NOTE
                row = short.row_of(
                    found, found.last_seq + number, replace(draft, sender=sender, body={**draft.body, "answers": claim.seq}), now
                )
                connection.execute(short.INSERT, row)
                rows.append(row)
            answered = max(found.answered_seq, claim.seq)
            question = None
            if found.state == BOT and found.asked_seq > answered:
                question = connection.execute(short.NEXT_QUESTION, {"id_": found.id, "after": answered}).first()
            changes = {
                "last_seq": found.last_seq + len(rows), "version": found.version + len(rows) + 1, "active_at": found.active_at,
                "asked_seq": found.asked_seq, "answered_seq": answered, "retry_at": found.retry_at,
                "lease_by": self._me if question else None, "lease_until": now + LEASE if question else None,
            }  # fmt: skip
            connection.execute(short.UPDATE, {"id_": found.id, **changes})
            following = question and claim_of(found, question)
            return Kept(True, short.news_of(found, changes, rows), following)

    def postpone(self, claim: Claim, until: datetime, told: Draft | None) -> None:
        """Leave a question for later, and tell the customer of it once."""
        with self._database.write() as session:
            conversation = self._mine(session, claim)
            if conversation is None:
                return
            if told is not None:
                append(session, conversation, told, self._now())
                conversation.told_seq = claim.seq
            conversation.retry_at = until
            _free(conversation)

    def _mine(self, session: Session, claim: Claim) -> Conversation | None:
        query = sa.select(Conversation).where(Conversation.id == claim.conversation_id, Conversation.lease_by == self._me)
        return session.execute(query.with_for_update()).scalar_one_or_none()


def claim_of(conversation: Any, message: Any) -> Claim:
    """The claim on a message, from the rows of the conversation and of the message."""
    return Claim(
        conversation.id, message.seq, conversation.sender, message.body.get("payload") or message.text,
        conversation.site, conversation.lang, message.created_at, conversation.told_seq >= message.seq,
    )  # fmt: skip


def _free(conversation: Conversation) -> None:
    conversation.lease_by = conversation.lease_until = None
