"""Handing a conversation to staff and taking it back, as far as customers and time bring it about (issue 6).

States: `bot` → `queued` → `human` → `bot` or `closed`; from `queued` back to `bot`, from `human` back to `queued`. They stand in the
conversation's row, which every change locks first; the audit log has each change.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.hours import StaffedHours, day_and_time
from madoguchi.requests import Office
from madoguchi.requests.actors import CUSTOMER, SYSTEM
from madoguchi.requests.states import NEEDS_ROUTING
from madoguchi.requests.tables import Ticket
from madoguchi.store import utc_now

from . import chat_statements as statements
from .errors import ConversationError
from .handover_tables import ASKED, CANCELLED, CUSTOMER_SIGN, REQUEST, UNSURE, Handover, StaffPresence
from .live import LIVE, back_to_assistant, open_handover, present, say, serves, tell
from .signs import put_sign
from .tables import ASSISTANT, BOT, CLOSED, HUMAN, QUEUED, Conversation, Message
from .writing import Draft, append, existing, locked

VANISHED = timedelta(minutes=3)
"""Staff who were not heard of for this long have lost their chats."""

UNSURE_KINDS = frozenset({"clarify", "out_of_scope"})
"""Kinds of reply by which the assistant does not help."""
_LOOK_BACK = 40
_LONGEST_OFFER = 20


class Handovers:
    """The customer's side, and what time brings about. Calls block: an event loop makes them in a thread."""

    def __init__(self, office: Office, hours: StaffedHours, wait: timedelta, now: Callable[[], datetime] = utc_now) -> None:
        """Create the service.

        Args:
            office: database and audit log.
            hours: when staff answer.
            wait: after which a customer in the queue is told that nobody has come.
            now: the clock, aware.
        """
        self._office = office
        self._database = office.database
        self._hours = hours
        self._wait = wait
        self._now = now

    def hours_text(self, company: str | None, lang: Language) -> str | None:
        """When staff answer, as customers read it; None where that is not settled."""
        now = self._now()
        if (hours := self._hours.shown(company, lang)) is None:
            return None
        text = say("handover_hours", lang, hours=hours)
        opening = None if self._hours.is_open(company, now) else self._hours.next_opening(company, now)
        between = "" if lang == "ja" else " "
        return text if opening is None else text + between + say("handover_next", lang, when=day_and_time(opening, lang))

    def queue(self, conversation_id: str, company: str | None = None) -> bool:
        """Call staff, where there is somebody; returns whether there is. Where they were called already, nothing changes.

        Args:
            conversation_id: of an open conversation.
            company: what the assistant takes it to be about; without it, that of its last answer, else of the site.

        Raises:
            ConversationError: `gone`, `closed`.
        """
        now = self._now()
        with self._office.unit() as unit:
            session = unit.session
            conversation = locked(session, conversation_id)
            if conversation.state == CLOSED:
                raise ConversationError("closed")
            if conversation.state != BOT:
                return True
            summary = _summary(session, conversation)
            company = company or _company(summary, conversation)
            if not self._is_staffed(session, company, now):
                return False
            handover = Handover(
                conversation_id=conversation_id, reason=_reason(summary), company=company, topic=next(reversed(summary["topics"]), None),
                lang=conversation.lang, summary=summary, queued_at=now, waiting_since=now,
            )  # fmt: skip
            session.add(handover)
            conversation.state = QUEUED
            conversation.asked_seq = conversation.answered_seq = conversation.last_seq
            conversation.retry_at = None
            tell(session, conversation, "handover_queued", now)
            put_sign(session, conversation_id, CUSTOMER_SIGN, seen_at=now)
            unit.audit(CUSTOMER, "chat_queued", conversation=conversation_id, company=company, reason=handover.reason)
        return True

    def cancel(self, conversation_id: str) -> None:
        """The customer goes back to the assistant, from the queue or from staff.

        Raises:
            ConversationError: `gone`, `closed`.
        """
        with self._office.unit() as unit:
            conversation = locked(unit.session, conversation_id)
            if conversation.state == CLOSED:
                raise ConversationError("closed")
            if conversation.state in LIVE:
                code = "handover_cancelled" if conversation.state == QUEUED else "handover_back"
                back_to_assistant(unit.session, conversation, code, CANCELLED, self._now())
                unit.audit(CUSTOMER, "chat_cancelled", conversation=conversation_id)
        self.move_up()

    def about(self, conversation_id: str) -> tuple[str | None, Language]:
        """The company that a conversation is about as far as it is known, and the language of its page.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.read() as session:
            conversation = existing(session, conversation_id)
            return _company(_summary(session, conversation), conversation), conversation.lang

    def tell(self, conversation_id: str, draft: Draft) -> None:
        """Write to the customer in the product's own name.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.write() as session:
            append(session, locked(session, conversation_id), draft, self._now())

    def last_kind(self, conversation_id: str) -> str | None:
        """The kind of the assistant's last reply; None where there is none."""
        query = (
            sa.select(Message.kind)
            .where(Message.conversation_id == conversation_id, Message.sender == ASSISTANT)
            .order_by(Message.seq.desc())
            .limit(1)
        )
        with self._database.read() as session:
            return session.execute(query).scalar_one_or_none()

    def is_way_back(self, conversation_id: str, offer: str) -> bool:
        """Whether pressing an offer in the queue means going back to the assistant."""
        seq, _, number = offer.partition("-")
        if not (seq.isdecimal() and number.isdecimal() and len(offer) < _LONGEST_OFFER):
            return False
        with self._database.read() as session:
            conversation = session.get(Conversation, conversation_id)
            message = session.get(Message, (conversation_id, int(seq)))
            offers = message.body.get("offers", []) if message is not None else []
            is_queued = conversation is not None and conversation.state == QUEUED
            return is_queued and int(number) < len(offers) and bool(offers[int(number)].get("returns"))

    def customer_types(self, conversation_id: str, is_typing: bool) -> None:
        """Keep that the customer types, or has stopped; nothing of what.

        Raises:
            ConversationError: `gone`.
        """
        key = {"id_": conversation_id}
        with self._database.read() as session:
            state = session.execute(statements.STATE, key).scalar_one_or_none()
        if state is None:
            raise ConversationError("gone")
        if state not in LIVE:
            return
        now = self._now()
        with self._database.statements() as connection:
            if connection.execute(statements.TOUCHED, key).rowcount:
                sign = {**key, "who": CUSTOMER_SIGN, "seen": now, "typing": now if is_typing else None, "read": 0}
                connection.execute(statements.SIGNED, sign)

    def customer_is_there(self, conversation_id: str) -> None:
        """Keep that the customer's page is open."""
        with contextlib.suppress(IntegrityError), self._database.statements() as connection:  # deleted in this very moment
            connection.execute(statements.THERE, {"id_": conversation_id, "seen": self._now()})

    def offer_for_request(self, sender: str, offer: Callable[[Language], dict[str, Any]]) -> str | None:
        """Offer staff to a customer whose ticket they have to pass on, where somebody is there; returns the conversation.

        Args:
            sender: Rasa's name of the conversation that the ticket was opened in.
            offer: the button for a person in a language.
        """
        with self._database.write() as session:
            found = session.execute(sa.select(Conversation).where(Conversation.sender == sender).with_for_update()).scalar_one_or_none()
            ticket = newest_ticket(session, sender)
            if found is None or ticket is None or found.state != BOT or not self._is_staffed(session, ticket.company, self._now()):
                return None
            tell(session, found, "handover_request", self._now(), [offer(found.lang)])
            return str(found.id)

    def watch(self) -> list[str]:
        """Tell those who have waited for long, and call others where staff have vanished; returns the conversations."""
        now = self._now()
        gone = sa.select(StaffPresence.account_id).where(StaffPresence.seen_at > now - VANISHED)
        waiting = sa.and_(Handover.taken_by.is_(None), Handover.told_at.is_(None), Handover.waiting_since <= now - self._wait)
        left = sa.and_(Handover.taken_by.is_not(None), Handover.taken_at <= now - VANISHED, Handover.taken_by.not_in(gone))
        with self._database.read() as session:
            query = sa.select(Handover.conversation_id).where(Handover.ended_at.is_(None), sa.or_(waiting, left))
            found = list(session.execute(query).scalars())
        for conversation_id in found:
            self._seen_to(conversation_id, now)
        return found

    def move_up(self) -> None:
        """Have those in the queue hear where they stand now; in a transaction of its own, since it touches many conversations."""
        with self._database.write() as session:
            query = sa.select(Conversation.id).where(Conversation.state == QUEUED).with_for_update(skip_locked=True)
            ids = list(session.execute(query).scalars())
            if ids:
                raised = sa.update(Conversation).where(Conversation.id.in_(ids)).values(version=Conversation.version + 1)
                session.execute(raised.execution_options(synchronize_session=False))

    def _seen_to(self, conversation_id: str, now: datetime) -> None:
        with self._office.unit() as unit:
            session = unit.session
            try:
                conversation = locked(session, conversation_id)
            except ConversationError:  # deleted meanwhile
                return
            handover = open_handover(session, conversation_id)
            if handover is None:
                return
            if conversation.state == QUEUED and handover.told_at is None and handover.waiting_since <= now - self._wait:
                handover.told_at = now
                tell(session, conversation, "handover_wait", now, [ticket_offer(conversation.lang)])
            elif conversation.state == HUMAN and not _is_heard_of(session, handover.taken_by, now):
                unit.audit(SYSTEM, "chat_requeued", conversation=conversation_id, vanished=handover.taken_by)
                into_queue(session, conversation, handover, "handover_lost", now)

    def _is_staffed(self, session: Session, company: str | None, now: datetime) -> bool:
        return self._hours.is_open(company, now) and any(serves(one.companies, company) for one in present(session, now))


def into_queue(session: Session, conversation: Conversation, handover: Handover, code: str, now: datetime) -> None:
    """Put a conversation that staff had back into the queue, at the place that it came in at."""
    handover.taken_by = handover.taken_at = handover.told_at = None
    handover.waiting_since = now
    conversation.state = QUEUED
    tell(session, conversation, code, now)


def ticket_offer(lang: Language) -> dict[str, Any]:
    """A button that goes back to the assistant, in whose form a request is made."""
    return {"title": say("leave_ticket", lang), "payload": say("wish", lang), "returns": True}


def newest_ticket(session: Session, sender: str) -> Ticket | None:
    """The ticket that was opened last in a conversation and has not ended."""
    query = sa.select(Ticket).where(Ticket.origin == sender, Ticket.closed_at.is_(None)).order_by(Ticket.opened_at.desc()).limit(1)
    return session.execute(query).scalar_one_or_none()


def _is_heard_of(session: Session, account_id: str | None, now: datetime) -> bool:
    found = session.get(StaffPresence, account_id) if account_id else None
    return found is not None and found.seen_at > now - VANISHED


def _summary(session: Session, conversation: Conversation) -> dict[str, Any]:
    """What staff see at a glance: nothing that the customer typed."""
    query = (
        sa.select(Message.body)
        .where(Message.conversation_id == conversation.id, Message.sender == ASSISTANT)
        .order_by(Message.seq.desc())
        .limit(_LOOK_BACK)
    )
    answers = [body["answer"] for body in reversed(session.execute(query).scalars().all()) if body.get("answer")]
    kinds = [answer["kind"] for answer in answers]
    ticket = newest_ticket(session, str(conversation.sender))
    return {
        "companies": _in_order(answer["company"] for answer in answers),
        "topics": _in_order(answer["topic"] for answer in answers),
        "citations": _in_order(clause for answer in answers for clause in answer["citations"]),
        "not_stated": kinds.count("not_stated"),
        "unsure": sum(kind in UNSURE_KINDS for kind in kinds),
        "unsure_last": len(kinds) > 1 and UNSURE_KINDS.issuperset(kinds[-2:]),
        "ticket": ticket.number if ticket else None,
        "ticket_state": ticket.state if ticket else None,
    }


def _company(summary: dict[str, Any], conversation: Conversation) -> str | None:
    return next(reversed(summary["companies"]), None) or conversation.site


def _reason(summary: dict[str, Any]) -> str:
    if summary["ticket_state"] == NEEDS_ROUTING:
        return REQUEST
    return UNSURE if summary["unsure_last"] else ASKED


def _in_order(names: Any) -> list[str]:
    """Names once each, in the order in which they were last spoken of."""
    return list(reversed(dict.fromkeys(reversed([name for name in names if name]))))
