"""What staff do with conversations that were handed to them (issue 6)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from madoguchi import Language
from madoguchi.requests import Actor, ForbiddenError, Office
from madoguchi.store import utc_now

from . import chat_statements as statements
from . import short
from .errors import ConversationError
from .handover import into_queue, newest_ticket
from .handover_tables import CUSTOMER_SIGN, OUTCOMES, RETURNED, Handover, Sign
from .live import PRESENT, TYPING, back_to_assistant, end, present, serves, tell
from .signs import put_sign
from .tables import CLOSED, CUSTOMER, HUMAN, NOTE, QUEUED, Conversation, Message
from .writing import Draft, append, locked, shown

VIEWED_FOR = timedelta(seconds=25)
"""Somebody whose page showed a chat within this time is viewing it."""
_RECENT = timedelta(hours=12)
_MOST_RECENT = 8


class HandoverError(ConversationError):
    """Something that is not done with a chat: `taken`, `not_yours`, `not_waiting`, `not_there`.

    Attributes:
        by: the account that has it instead.
    """

    def __init__(self, code: str, by: str | None = None) -> None:
        super().__init__(code)
        self.by = by


@dataclass(frozen=True)
class Row:
    """A handover as the list shows it.

    Attributes:
        last_text: what the customer wrote last, masked; `last_seq` its number.
        read_seq: up to where whoever has it has read.
        customer_at: when the customer's page was last heard of.
    """

    conversation_id: str
    company: str | None
    topic: str | None
    lang: Language
    reason: str
    queued_at: datetime
    waiting_since: datetime
    taken_by: str | None
    first_reply_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    last_seq: int
    last_text: str
    last_at: datetime | None
    read_seq: int
    customer_at: datetime | None

    @property
    def is_unread(self) -> bool:
        """Whether the customer wrote something that whoever has the chat has not read."""
        return self.taken_by is not None and self.ended_at is None and self.last_seq > self.read_seq


@dataclass(frozen=True)
class LiveChat:
    """A chat as its page shows it.

    Attributes:
        state: of the handover: `queued`, `human`, or `ended`.
        ticket: number and state of the request that is open now.
        viewers: other accounts whose page shows it.
        customer_types: whether the customer is typing; `customer_is_there`: whether their page is open.
        last_seq: up to where it goes.
    """

    conversation_id: str
    state: str
    version: int
    company: str | None
    lang: Language
    reason: str
    summary: dict[str, Any]
    queued_at: datetime
    waiting_since: datetime
    taken_by: str | None
    first_reply_at: datetime | None
    outcome: str | None
    ticket: tuple[str, str] | None
    viewers: tuple[str, ...]
    customer_types: bool
    customer_is_there: bool
    last_seq: int


class LiveChats:
    """The staff's side. Calls block: an event loop makes them in a thread.

    Every method that names a conversation may raise ConversationError `gone`, it was deleted or never handed over; and ForbiddenError,
    which is audited: it is another company's.
    """

    def __init__(self, office: Office, now: Callable[[], datetime] = utc_now) -> None:
        self._office = office
        self._database = office.database
        self._now = now

    # -- reading

    def board(self) -> list[Row]:
        """Every open handover, in the order of the queue."""
        with self._database.read() as session:
            return _rows(session, Handover.ended_at.is_(None), Handover.queued_at)

    def signature(self) -> tuple[int, int, int]:
        """Changes whenever the board may have."""
        query = (
            sa.select(sa.func.count(Handover.id), sa.func.coalesce(sa.func.sum(Conversation.version), 0), sa.func.max(Handover.id))
            .join(Conversation, Conversation.id == Handover.conversation_id)
            .where(Handover.ended_at.is_(None))
        )
        with self._database.read() as session:
            count, versions, newest = session.execute(query).one()
            return int(count), int(versions), int(newest or 0)

    def recent(self, actor: Actor) -> list[Row]:
        """What somebody had and ended in the last hours, the newest first."""
        where = sa.and_(Handover.taken_by == actor.id, Handover.ended_at > self._now() - _RECENT, Handover.conversation_id.is_not(None))
        with self._database.read() as session:
            return _rows(session, where, Handover.ended_at.desc(), _MOST_RECENT)

    def chat(self, conversation_id: str, actor: Actor, with_ticket: bool = False) -> LiveChat:
        """A chat at this moment; the ticket is looked up only where it is asked for."""
        with self._looking(self._database.read()) as session:
            found = self._found(session, conversation_id, actor)
            ticket = newest_ticket(session, found.sender) if with_ticket else None
            return self._chat(session, conversation_id, actor, found, (ticket.number, ticket.state) if ticket else None)

    def messages(self, conversation_id: str, actor: Actor, after: int = 0) -> list[dict[str, Any]]:
        """The messages after a number, notes and late answers of the assistant among them.

        Each is as customers see it (writing.shown), with `by`, the account that wrote it, `answer` of the assistant, and `is_note`.
        """
        return self.follow(conversation_id, actor, after)[1]

    def follow(self, conversation_id: str, actor: Actor, after: int) -> tuple[LiveChat, list[dict[str, Any]]]:
        """A chat and its messages after a number (see `messages`) as of one moment."""
        with self._looking(self._database.read()) as session:
            found = self._found(session, conversation_id, actor)
            chat = self._chat(session, conversation_id, actor, found, None)
            if chat.last_seq <= after:
                return chat, []
            messages = session.execute(statements.MESSAGES, {"id_": conversation_id, "after": after, "until": chat.last_seq})
            return chat, [
                {**shown(message), "by": message.body.get("by"), "answer": message.body.get("answer"), "text": message.text,
                 "created_at": message.created_at, "is_note": message.sender == NOTE}
                for message in messages
            ]  # fmt: skip

    def log(self, conversation_id: str, actor: Actor, action: str) -> None:
        """Have the audit log keep that somebody opened (`chat_shown`) or exported (`chat_exported`) a chat."""
        with self._office.unit() as unit:
            self._handed(unit.session, conversation_id, actor, action)
            unit.audit(actor, action, conversation=conversation_id)

    # -- moving

    def take(self, conversation_id: str, actor: Actor) -> None:
        """Answer a customer who waits. Of several who try at once, one does.

        Raises:
            HandoverError: `taken`, by whom; `not_waiting`.
        """
        now = self._now()
        with self._office.unit() as unit:
            session = unit.session
            self._handed(session, conversation_id, actor, "chat_taken")
            won = session.execute(
                sa.update(Conversation)
                .where(Conversation.id == conversation_id, Conversation.state == QUEUED)
                .values(state=HUMAN)
                .execution_options(synchronize_session=False)
            )
            conversation = locked(session, conversation_id)
            session.refresh(conversation)
            handover = self._handed(session, conversation_id, actor, "chat_taken")
            session.refresh(handover)
            if won.rowcount != 1:
                if handover.taken_by == actor.id and conversation.state == HUMAN:
                    return
                raise HandoverError("taken" if conversation.state == HUMAN else "not_waiting", handover.taken_by)
            handover.taken_by, handover.taken_at = actor.id, now
            tell(session, conversation, "handover_joined", now)
            put_sign(session, conversation_id, actor.id, seen_at=now, read_seq=conversation.last_seq)
            unit.audit(actor, "chat_taken", conversation=conversation_id)

    def say(self, conversation_id: str, actor: Actor, draft: Draft) -> int:
        """Write to the customer, once: the same `client_id` again gives the same message; returns its number.

        Raises:
            HandoverError: `not_yours`.
        """
        now = self._now()
        with self._looking(self._database.statements()) as connection:
            conversation = connection.execute(short.BY_ID, {"id_": conversation_id}).first()
            found = self._found(connection, conversation_id, actor)
            if found.state != HUMAN or found.taken_by != actor.id:
                raise HandoverError("not_yours", found.taken_by)
            row = short.row_of(conversation, conversation.last_seq + 1, draft, now)
            if connection.execute(short.INSERT, row).rowcount == 0:
                known = connection.execute(short.KNOWN, {"id_": conversation_id, "client": draft.client_id}).one()
                return int(known.seq)
            connection.execute(statements.SAID, {"id_": conversation_id, "seq": row["seq"], "now": now})
            if found.first_reply_at is None:
                connection.execute(statements.REPLIED, {"handover": found.id, "now": now})
            sign = {"id_": conversation_id, "who": actor.id, "seen": now, "typing": None, "read": row["seq"]}
            connection.execute(statements.SIGNED, sign)
            return int(row["seq"])

    def note(self, conversation_id: str, actor: Actor, draft: Draft) -> int:
        """Leave a note that the customer never sees; whoever may see the chat may. Once, as `say`.

        Raises:
            HandoverError: `not_there`, the handover has ended.
        """
        with self._office.unit() as unit:
            conversation = locked(unit.session, conversation_id)
            if self._handed(unit.session, conversation_id, actor, "chat_note").ended_at is not None:
                raise HandoverError("not_there")
            if (known := _known(unit.session, conversation_id, draft)) is not None:
                return known
            return int(append(unit.session, conversation, draft, self._now()).seq)

    def transfer(self, conversation_id: str, actor: Actor, to: str | None, note: Draft | None) -> None:
        """Give a chat to a colleague who is there, or with None back to the queue, with a note for them.

        Raises:
            HandoverError: `not_yours`; `not_there`, the colleague.
        """
        now = self._now()
        with self._office.unit() as unit:
            session = unit.session
            conversation, handover = self._mine(session, conversation_id, actor)
            if to is not None and not any(
                one.account_id == to and serves(one.companies, handover.company) for one in present(session, now)
            ):
                raise HandoverError("not_there", to)
            if note is not None:
                append(session, conversation, note, now)
            if to is None:
                into_queue(session, conversation, handover, "handover_requeued", now)
            else:
                handover.taken_by, handover.taken_at = to, now
                tell(session, conversation, "handover_changed", now)
                put_sign(session, conversation_id, to, read_seq=0)
            put_sign(session, conversation_id, actor.id, typing_at=None)
            unit.audit(actor, "chat_transferred", conversation=conversation_id, to=to)

    def to_assistant(self, conversation_id: str, actor: Actor) -> None:
        """Have the assistant speak again.

        Raises:
            HandoverError: `not_yours`.
        """
        with self._office.unit() as unit:
            conversation, _ = self._mine(unit.session, conversation_id, actor)
            back_to_assistant(unit.session, conversation, "handover_back", RETURNED, self._now())
            unit.audit(actor, "chat_returned", conversation=conversation_id)

    def close(self, conversation_id: str, actor: Actor, outcome: str) -> None:
        """End the conversation; the customer can still read it.

        Raises:
            HandoverError: `not_yours`; `unknown_outcome`.
        """
        now = self._now()
        with self._office.unit() as unit:
            conversation, handover = self._mine(unit.session, conversation_id, actor)
            if outcome not in OUTCOMES:
                raise HandoverError("unknown_outcome")
            tell(unit.session, conversation, "handover_closed", now)
            end(unit.session, conversation, handover, CLOSED, outcome, now)
            conversation.closed_at, conversation.active_at, conversation.address_hash = now, now, None
            unit.audit(actor, "chat_closed", conversation=conversation_id, outcome=outcome)

    # -- what is fleeting

    def sign(self, conversation_id: str, actor: Actor, read: int | None = None, is_typing: bool | None = None) -> None:
        """Keep that somebody views a chat, types in it, has read up to a number; what is None stays as it is."""
        now = self._now()
        with self._looking(self._database.statements()) as connection:
            found = self._found(connection, conversation_id, actor)
            if found.ended_at is not None:
                return
            before = connection.execute(statements.SIGN, {"id_": conversation_id, "who": actor.id}).first()
            had_read = before.read_seq if before is not None else 0
            was_typing = before.typing_at if before is not None else None
            has_read = max(had_read, min(read or 0, found.last_seq))
            typing_at = was_typing if is_typing is None else now if is_typing and found.taken_by == actor.id else None
            sign = {"id_": conversation_id, "who": actor.id, "seen": now, "typing": typing_at, "read": has_read}
            connection.execute(statements.SIGNED, sign)
            is_news = (
                before is None
                or not _since(before.seen_at, now, VIEWED_FOR)
                or has_read > had_read
                or _since(typing_at, now, TYPING) != _since(was_typing, now, TYPING)
            )
            if is_news:
                connection.execute(statements.TOUCHED, {"id_": conversation_id})

    def leave(self, conversation_id: str, actor: Actor) -> None:
        """Somebody's page no longer shows a chat."""
        with self._database.write() as session:
            found = session.get(Sign, (conversation_id, actor.id))
            if found is not None:
                found.seen_at = found.typing_at = None
                session.execute(sa.update(Conversation).where(Conversation.id == conversation_id).values(version=Conversation.version + 1))

    # -- who may

    @contextlib.contextmanager
    def _looking(self, opened: contextlib.AbstractContextManager[Any]) -> Iterator[Any]:
        """A transaction without audit entries of its own; a refusal is audited all the same."""
        try:
            with opened as connection:
                yield connection
        except ForbiddenError as refused:
            self._office.audit.record(refused.entry)
            raise
        except IntegrityError as error:  # deleted in this very moment
            raise ConversationError("gone") from error

    @staticmethod
    def _found(connection: Any, conversation_id: str, actor: Actor) -> Any:
        """The row of a chat that somebody may see (chat_statements.CHAT)."""
        found = connection.execute(statements.CHAT, {"id_": conversation_id}).first()
        if found is None:
            raise ConversationError("gone")
        if not serves(actor.companies, found.company):
            raise ForbiddenError(actor, "chat_shown")
        return found

    def _chat(self, connection: Any, conversation_id: str, actor: Actor, found: Any, ticket: tuple[str, str] | None) -> LiveChat:
        now, is_ended = self._now(), found.ended_at is not None
        signs = connection.execute(statements.SIGNS, {"id_": conversation_id}).all()
        customer = next((sign for sign in signs if sign.who == CUSTOMER_SIGN), None)
        return LiveChat(
            conversation_id, "ended" if is_ended else found.state, found.version, found.company, found.lang, found.reason, found.summary,
            found.queued_at, found.waiting_since, found.taken_by, found.first_reply_at, found.outcome, ticket,
            tuple(sign.who for sign in signs if sign.who not in (CUSTOMER_SIGN, actor.id) and _since(sign.seen_at, now, VIEWED_FOR)),
            customer is not None and _since(customer.typing_at, now, TYPING),
            customer is not None and _since(customer.seen_at, now, PRESENT * 2),
            found.ended_seq if is_ended else found.last_seq,
        )  # fmt: skip

    def _handed(self, session: Session, conversation_id: str, actor: Actor, action: str) -> Handover:
        query = (
            sa.select(Handover)
            .where(Handover.conversation_id == conversation_id)
            .order_by(Handover.ended_at.is_not(None), Handover.id.desc())
            .limit(1)
        )
        handover = session.execute(query).scalar_one_or_none()
        if handover is None:
            raise ConversationError("gone")
        if not serves(actor.companies, handover.company):
            raise ForbiddenError(actor, action)
        return handover

    def _mine(self, session: Session, conversation_id: str, actor: Actor) -> tuple[Conversation, Handover]:
        conversation = locked(session, conversation_id)
        handover = self._handed(session, conversation_id, actor, "chat")
        if conversation.state != HUMAN or handover.taken_by != actor.id:
            raise HandoverError("not_yours", handover.taken_by)
        return conversation, handover


def _since(moment: datetime | None, now: datetime, within: timedelta) -> bool:
    return moment is not None and moment > now - within


def _known(session: Session, conversation_id: str, draft: Draft) -> int | None:
    query = sa.select(Message.seq).where(Message.conversation_id == conversation_id, Message.client_id == draft.client_id)
    return session.execute(query).scalar_one_or_none() if draft.client_id is not None else None


def _rows(session: Session, where: Any, order: Any, most: int | None = None) -> list[Row]:
    last = (
        sa.select(sa.func.max(Message.seq))
        .where(Message.conversation_id == Handover.conversation_id, Message.sender == CUSTOMER)
        .where(sa.or_(Handover.ended_seq.is_(None), Message.seq <= Handover.ended_seq))
        .correlate(Handover)
        .scalar_subquery()
    )
    reader, customer = aliased(Sign), aliased(Sign)
    of = Handover.conversation_id
    query = (
        sa.select(Handover, Message.seq, Message.text, Message.created_at, reader.read_seq, customer.seen_at)
        .outerjoin(Message, sa.and_(Message.conversation_id == of, Message.seq == last))
        .outerjoin(reader, sa.and_(reader.conversation_id == of, reader.who == Handover.taken_by))
        .outerjoin(customer, sa.and_(customer.conversation_id == of, customer.who == CUSTOMER_SIGN))
        .where(where)
        .order_by(order, Handover.id)
        .limit(most)
    )
    return [
        Row(
            h.conversation_id, h.company, h.topic, h.lang, h.reason, h.queued_at, h.waiting_since, h.taken_by, h.first_reply_at, h.ended_at,
            h.outcome, seq or 0, text or "", at, read_seq or 0, customer_at,
        )
        for h, seq, text, at, read_seq, customer_at in session.execute(query)
    ]  # fmt: skip
