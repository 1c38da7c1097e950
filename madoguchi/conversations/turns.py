"""The assistant's side of a conversation: which question is next, one process at a time, and what becomes of the answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.store import Database, utc_now

from .tables import BOT, NOTE, Conversation
from .writing import Draft, append, next_question

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


class Turns:
    """Claims of one process."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now
        self._me = uuid.uuid4().hex

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
            return Claim(
                conversation_id, message.seq, conversation.sender, message.body.get("payload") or message.text,
                conversation.site, conversation.lang, message.created_at, conversation.told_seq >= message.seq,
            )  # fmt: skip

    def answer(self, claim: Claim, drafts: Sequence[Draft]) -> bool:
        """Keep the assistant's answer and free the conversation; False where the conversation was deleted meanwhile.

        An answer that comes after a person took over is kept as a note, which the customer does not see.
        """
        now = self._now()
        with self._database.write() as session:
            conversation = self._mine(session, claim)
            if conversation is None:
                return self._exists(session, claim)
            for draft in drafts:
                sender = draft.sender if conversation.state == BOT else NOTE
                append(session, conversation, replace(draft, sender=sender, body={**draft.body, "answers": claim.seq}), now)
            conversation.answered_seq = max(conversation.answered_seq, claim.seq)
            conversation.version += 1
            _free(conversation)
            return True

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

    def _exists(self, session: Session, claim: Claim) -> bool:
        return session.get(Conversation, claim.conversation_id) is not None


def _free(conversation: Conversation) -> None:
    conversation.lease_by = conversation.lease_until = None
