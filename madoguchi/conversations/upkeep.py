"""How long conversations live, and what can be had of one before it goes: closing, deletion, export."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from madoguchi.store import Database, utc_now

from .handover_tables import Handover
from .live import LIVE
from .service import IDLE, Erased, erase_locked
from .tables import CLOSED, NOTE, AddressUse, Conversation, Erasure, Feedback, Job, Message
from .writing import existing, locked

_BATCH = 200
_HOUR = 360  # in units of ten seconds, as AddressUse.tenth


class Upkeep:
    """What runs by itself or by command, over all conversations."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def close_idle(self) -> int:
        """Close what nobody has written in for a day and staff do not have, and forget the hashed addresses; returns how many."""
        now = self._now()
        idle = (Conversation.state.not_in((CLOSED, *LIVE)), Conversation.active_at <= now - IDLE)
        closing = {"state": CLOSED, "closed_at": now, "address_hash": None, "version": Conversation.version + 1}
        with self._database.write() as session:
            session.execute(sa.delete(AddressUse).where(AddressUse.tenth < int(now.timestamp()) // 10 - _HOUR))
            return int(session.execute(sa.update(Conversation).where(*idle).values(closing)).rowcount)

    def purge(self, older_than: timedelta) -> int:
        """Delete conversations without a message for that long, and votes of that age lose their words; returns how many."""
        before = self._now() - older_than
        with self._database.write() as session:
            session.execute(sa.update(Feedback).where(Feedback.created_at < before).values(words=None))
        count = 0
        while True:
            with self._database.write() as session:
                query = sa.select(Conversation).where(Conversation.active_at < before).limit(_BATCH).with_for_update()
                found = session.execute(query).scalars().all()
                for conversation in found:
                    erase_locked(session, conversation, self._now())
                count += len(found)
            if not found:
                return count

    def erase(self, conversation_id: str) -> Erased:
        """Delete one conversation.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.write() as session:
            return erase_locked(session, locked(session, conversation_id), self._now())

    def export(self, conversation_id: str) -> dict[str, Any]:
        """Everything that is kept of one conversation for the customer, without what only serves to run it and without notes of staff.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.read() as session:
            conversation = existing(session, conversation_id)
            of_customer = (Message.conversation_id == conversation_id, Message.sender != NOTE)
            messages = session.execute(sa.select(Message).where(*of_customer).order_by(Message.seq)).scalars()
            mine = Handover.conversation_id == conversation_id
            handovers = session.execute(sa.select(Handover).where(mine).order_by(Handover.id)).scalars()
            votes = session.execute(sa.select(Feedback).where(Feedback.conversation_id == conversation_id).order_by(Feedback.seq)).scalars()
            return {
                "conversation": {
                    "id": conversation.id,
                    "site": conversation.site,
                    "lang": conversation.lang,
                    "state": conversation.state,
                    "created_at": conversation.created_at.isoformat(),
                    "active_at": conversation.active_at.isoformat(),
                },
                "messages": [
                    {"seq": m.seq, "sender": m.sender, "kind": m.kind, "lang": m.lang, "at": m.created_at.isoformat(), "text": m.text,
                     "masked": m.body.get("masked", []), "answer": m.body.get("answer")}
                    for m in messages
                ],
                "handovers": [
                    {"reason": h.reason, "queued_at": h.queued_at.isoformat(), "taken_at": h.taken_at and h.taken_at.isoformat(),
                     "ended_at": h.ended_at and h.ended_at.isoformat(), "outcome": h.outcome}
                    for h in handovers
                ],
                "votes": [{"seq": v.seq, "helpful": v.helpful, "clauses": v.clauses, "words": v.words} for v in votes],
            }  # fmt: skip

    def erasures_due(self) -> list[str]:
        """Rasa's names of deleted conversations whose events may still be in its store."""
        with self._database.read() as session:
            return list(session.execute(sa.select(Erasure.sender).where(Erasure.due_at <= self._now()).limit(_BATCH)).scalars())

    def erased(self, sender: str) -> None:
        """Note that Rasa's store holds nothing more of a conversation; does nothing while a turn of it may be under way."""
        with self._database.write() as session:
            session.execute(sa.delete(Erasure).where(Erasure.sender == sender, Erasure.due_at <= self._now()))

    def take_job(self, name: str, every: timedelta) -> bool:
        """Whether a recurring job is due, for one of all processes."""
        now = self._now()
        try:
            with self._database.write() as session:
                job = session.get(Job, name, with_for_update=True)
                if job is not None and job.ran_at > now - every:
                    return False
                session.merge(Job(name=name, ran_at=now))
        except IntegrityError:  # another process ran it for the first time at this moment
            return False
        return True
