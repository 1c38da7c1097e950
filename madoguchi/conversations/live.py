"""What the state of a conversation with staff is made of, for customers and staff alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi.answers.phrases import Phrases

from .handover_tables import CUSTOMER_SIGN, Handover, Sign, StaffPresence
from .tables import BOT, HUMAN, QUEUED, SYSTEM, Conversation
from .writing import Draft, append

LIVE = (QUEUED, HUMAN)
"""States in which the assistant is not asked."""

PRESENT = timedelta(seconds=30)
"""Somebody whose console was heard of within this time is there."""
TYPING = timedelta(seconds=6)
"""Somebody types for this long after they were last heard to."""

_TYPES = sa.select(Sign.who).where(
    Sign.conversation_id == sa.bindparam("id_"), Sign.who != CUSTOMER_SIGN, Sign.typing_at > sa.bindparam("since")
)

say = Phrases(Path(__file__).with_name("handover.yml"))
"""What customers read of a handover (handover.yml)."""


def open_handover(session: Session, conversation_id: str) -> Handover | None:
    """The handover that a conversation is in."""
    query = sa.select(Handover).where(Handover.conversation_id == conversation_id, Handover.ended_at.is_(None))
    return session.execute(query).scalar_one_or_none()


def tell(session: Session, conversation: Conversation, code: str, now: datetime, offers: Sequence[dict[str, Any]] = ()) -> None:
    """A message of the product itself to the customer, in the language of their page."""
    lang = conversation.lang
    append(session, conversation, Draft(SYSTEM, lang, say(code, lang), code, {"offers": list(offers)}), now)


def end(session: Session, conversation: Conversation, handover: Handover, state: str, outcome: str, now: datetime) -> None:
    """End a handover whose conversation is locked and has been told; what was asked meanwhile is not for the assistant."""
    handover.ended_at, handover.ended_seq, handover.outcome = now, conversation.last_seq, outcome
    conversation.state = state
    conversation.asked_seq = conversation.answered_seq = conversation.last_seq
    conversation.retry_at = None
    session.execute(sa.delete(Sign).where(Sign.conversation_id == conversation.id))


def back_to_assistant(session: Session, conversation: Conversation, code: str, outcome: str, now: datetime) -> None:
    """Have the assistant speak again in a conversation that is locked; one that it speaks in already stays as it is."""
    handover = open_handover(session, conversation.id)
    if conversation.state not in LIVE:
        return
    tell(session, conversation, code, now)
    if handover is not None:
        end(session, conversation, handover, BOT, outcome, now)
    conversation.state = BOT


def present(session: Session, now: datetime) -> list[StaffPresence]:
    """Whoever is there and takes chats."""
    query = sa.select(StaffPresence).where(StaffPresence.is_available, StaffPresence.seen_at > now - PRESENT)
    return list(session.execute(query).scalars())


def serves(companies: Collection[str], company: str | None) -> bool:
    """Whether somebody of these companies may see what concerns a company; what concerns none is everybody's."""
    return company is None or company in companies


def live_state(session: Session, conversation: Conversation, now: datetime) -> dict[str, Any]:
    """What the customer's state says beside `state`: the place in the queue, or that the member of staff types."""
    if conversation.state == QUEUED and (mine := open_handover(session, conversation.id)) is not None:
        return {"queue": 1 + _ahead(session, mine, now)}
    if conversation.state == HUMAN:
        is_typing = session.execute(_TYPES, {"id_": conversation.id, "since": now - TYPING}).first() is not None
        return {"typing": True} if is_typing else {}
    return {}


def _ahead(session: Session, mine: Handover, now: datetime) -> int:
    """How many came before into the queue whom the same staff would take first."""
    query = sa.select(sa.func.count(Handover.id)).where(
        Handover.ended_at.is_(None),
        Handover.taken_by.is_(None),
        sa.or_(Handover.queued_at < mine.queued_at, sa.and_(Handover.queued_at == mine.queued_at, Handover.id < mine.id)),
    )
    served = {company for one in present(session, now) if serves(one.companies, mine.company) for company in one.companies}
    if mine.company is not None:
        served.add(mine.company)
    if served:
        query = query.where(sa.or_(Handover.company.is_(None), Handover.company.in_(sorted(served))))
    return int(session.execute(query).scalar_one())
