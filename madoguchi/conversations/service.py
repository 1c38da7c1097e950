"""What a customer does with a conversation."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.store import Database, digest_of, utc_now
from madoguchi.text import TextTooLongError, language_of, take_in

from . import short
from .errors import ConversationError
from .handover_tables import ERASED, Handover, Sign
from .live import LIVE, live_state
from .tables import BOT, CLOSED, CUSTOMER, NOTE, Conversation, Erasure, Feedback, Message
from .turns import LEASE, Claim, claim_of
from .writing import Draft, News, existing, locked, shown, state_of

IDLE = timedelta(hours=24)
"""A token is good for this long after the last message."""

_MINUTE = timedelta(minutes=1)
_ERASE_AFTER_TURN = timedelta(seconds=45)
"""A turn under way may write events after they were erased; it ends within this time."""


@dataclass(frozen=True)
class Limits:
    """How much one conversation and one network address may do; counted in the database, so for all processes together."""

    messages_a_minute: int = 20
    address_messages_a_minute: int = 120
    address_conversations: int = 40


@dataclass(frozen=True)
class Erased:
    """What deleting a conversation took away, and the name under which Rasa's store holds its events."""

    sender: str
    messages: int


@dataclass(frozen=True)
class Taken:
    """A customer's message that is kept.

    Attributes:
        message: as readers are shown it.
        news: for readers; None where there is nothing new, or where they have to read.
        claim: on the question, where the caller's process has it.
    """

    conversation_id: str
    message: dict[str, Any]
    news: News | None = None
    claim: Claim | None = None


class Conversations:
    """Opening, sending, reading, voting, deleting."""

    def __init__(self, database: Database, limits: Limits, address_key: bytes, now: Callable[[], datetime] = utc_now) -> None:
        """Create the service.

        Args:
            database: migrated.
            limits: see there.
            address_key: the key under which network addresses are hashed.
            now: the clock, aware.
        """
        self._database = database
        self._limits = limits
        self._address_key = address_key
        self._now = now

    def open(self, site: str | None, lang: Language, address: str) -> tuple[str, dict[str, Any]]:
        """Open a conversation; returns its token (256 random bits) and its state.

        Raises:
            ConversationError: `too_many_conversations` of this address are open.
        """
        now = self._now()
        token = secrets.token_urlsafe(32)
        hashed = self._hashed(address)
        conversation = Conversation(
            id=uuid.uuid4().hex, token_hash=digest_of(token), sender=f"web-{uuid.uuid4().hex}", site=site, lang=lang, state=BOT,
            last_seq=0, version=0, asked_seq=0, answered_seq=0, told_seq=0, address_hash=hashed, created_at=now, active_at=now,
        )  # fmt: skip
        with self._database.write() as session:
            is_open = (Conversation.address_hash == hashed, Conversation.state != CLOSED, Conversation.active_at > now - IDLE)
            if _count(session, Conversation, *is_open) >= self._limits.address_conversations:
                raise ConversationError("too_many_conversations", 3600)
            session.add(conversation)
            return token, state_of(conversation)

    def find(self, token: str) -> str:
        """The id of the conversation that a token stands for.

        Raises:
            ConversationError: `unknown_conversation`, which a wrong, an ended and a deleted one look alike as.
        """
        with self._database.read() as session:
            is_good = sa.or_(Conversation.active_at > self._now() - IDLE, Conversation.state.in_(LIVE))
            query = sa.select(Conversation.id).where(Conversation.token_hash == digest_of(token), is_good)
            found = session.execute(query).scalar_one_or_none()
        if found is None:
            raise ConversationError("unknown_conversation")
        return str(found)

    def sender(self, conversation_id: str) -> str:
        """The name by which Rasa, and a ticket that was opened in it, know a conversation.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.read() as session:
            found = session.execute(sa.select(Conversation.sender).where(Conversation.id == conversation_id)).scalar_one_or_none()
        if found is None:
            raise ConversationError("gone")
        return str(found)

    def state(self, conversation_id: str) -> dict[str, Any]:
        """The state that pages show."""
        return self.messages(conversation_id, after=None)[1]

    def messages(self, conversation_id: str, after: int | None = 0) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The messages after a number in their order, and the state that belongs to them; with None no messages.

        Raises:
            ConversationError: `gone`.
        """
        return self.read(conversation_id, after)[:2]

    def read(self, conversation_id: str, after: int | None = 0) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
        """As `messages`, with the version that both are of.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.read() as session:
            conversation = existing(session, conversation_id)
            state = state_of(conversation) | live_state(session, conversation, self._now())
            if after is None or after >= conversation.last_seq:
                return [], state, conversation.version
            query = (
                sa.select(Message, Feedback.helpful)
                .outerjoin(Feedback, sa.and_(Feedback.conversation_id == Message.conversation_id, Feedback.seq == Message.seq))
                .where(Message.conversation_id == conversation_id, Message.seq > after, Message.seq <= state["last_seq"])
                .order_by(Message.seq)
            )
            found = [shown(m, helpful) for m, helpful in session.execute(query) if m.sender != NOTE]
            return found, state, conversation.version

    def versions(self, conversation_ids: Iterable[str]) -> dict[str, int]:
        """The version of each conversation that still exists."""
        with self._database.read() as session:
            query = sa.select(Conversation.id, Conversation.version).where(Conversation.id.in_(list(conversation_ids)))
            return {row.id: row.version for row in session.execute(query)}

    def send(self, conversation_id: str, client_id: str, text: str | None, offer: str | None) -> dict[str, Any]:
        """Keep a customer's message, once: the same `client_id` again gives the same message.

        Args:
            conversation_id: of an open conversation.
            client_id: of the page's making, unique in the conversation.
            text: what was typed; masked before it is kept.
            offer: instead of it, the id of an offer that the assistant made.

        Raises:
            ConversationError: `gone`, `closed`, `empty`, `too_long`, `unknown_offer`, `too_fast`.
        """
        return self._take(short.BY_ID, {"id_": conversation_id}, client_id, text, offer).message

    def take(self, token: str, client_id: str, text: str | None, offer: str | None, process: str) -> Taken:
        """As `send`, for the conversation that a token stands for; where nobody works on it, the question is `process`'s at once.

        Raises:
            ConversationError: `unknown_conversation`, and as `send`.
        """
        return self._take(short.BY_TOKEN, {"digest": digest_of(token)}, client_id, text, offer, process)

    def _take(
        self, which: Any, key: dict[str, str], client_id: str, text: str | None, offer: str | None, process: str | None = None
    ) -> Taken:
        now = self._now()
        with self._database.statements() as connection:
            found = connection.execute(which, key).first()
            if which is short.BY_TOKEN and (found is None or not (found.active_at > now - IDLE or found.state in LIVE)):
                raise ConversationError("unknown_conversation")
            if found is None:
                raise ConversationError("gone")
            draft = _pressed(connection, found, client_id, offer) if offer is not None else _typed(found, client_id, text or "")
            seq = found.last_seq + 1
            row = short.row_of(found, seq, draft, now)
            # What is refused below is rolled back with it.
            if connection.execute(short.INSERT, row).rowcount == 0:
                return Taken(found.id, shown(connection.execute(short.KNOWN, {"id_": found.id, "client": client_id}).one()))
            if found.state == CLOSED:
                raise ConversationError("closed")
            self._hold_limits(connection, found, seq, now)
            is_asked = found.state == BOT
            is_free = found.lease_until is None or found.lease_until < now
            is_claimed = is_asked and process is not None and is_free and found.asked_seq <= found.answered_seq
            changes = {
                "last_seq": seq, "version": found.version + 1, "active_at": now,
                "asked_seq": seq if is_asked else found.asked_seq, "answered_seq": found.answered_seq if is_asked else seq,
                "retry_at": None if is_asked else found.retry_at,
                "lease_by": process if is_claimed else found.lease_by, "lease_until": now + LEASE if is_claimed else found.lease_until,
            }  # fmt: skip
            connection.execute(short.UPDATE, {"id_": found.id, **changes})
            message = SimpleNamespace(**row)
            claim = claim_of(found, message) if is_claimed else None
            return Taken(found.id, shown(message), short.news_of(found, changes, [row]), claim)

    def hold_address(self, address: str) -> None:
        """Count something that a network address does without a conversation, such as looking up a ticket.

        Raises:
            ConversationError: `too_fast`.
        """
        with self._database.statements() as connection:
            if self._uses(connection, self._hashed(address), self._now()) > self._limits.address_messages_a_minute:
                raise ConversationError("too_fast", 60)

    def set_language(self, conversation_id: str, lang: Language) -> dict[str, Any]:
        """Keep the language of the page, which the assistant replies in where a message has none of its own."""
        with self._database.write() as session:
            conversation = locked(session, conversation_id)
            conversation.lang = lang
            conversation.version += 1
            return state_of(conversation)

    def vote(self, conversation_id: str, seq: int, helpful: bool, with_words: bool) -> None:
        """Keep whether an answer helped, with its clauses; the question's words only where the customer agrees.

        Raises:
            ConversationError: `gone`; `not_votable`, no answer of the assistant has that number.
        """
        with self._database.write() as session:
            conversation = locked(session, conversation_id)
            message = session.get(Message, (conversation_id, seq))
            if message is None or not message.body.get("votable"):
                raise ConversationError("not_votable")
            answer = message.body["answer"]
            vote = session.execute(
                sa.select(Feedback).where(Feedback.conversation_id == conversation_id, Feedback.seq == seq)
            ).scalar_one_or_none() or Feedback(conversation_id=conversation_id, seq=seq)
            vote.helpful, vote.kind, vote.lang = helpful, answer["kind"], answer["language"]
            vote.company, vote.topic, vote.clauses = answer["company"], answer["topic"], answer["citations"]
            asked = session.get(Message, (conversation_id, message.body["answers"]))
            vote.words = asked.text if with_words and asked is not None else None
            vote.created_at = self._now()
            session.add(vote)
            conversation.version += 1

    def erase(self, conversation_id: str) -> Erased:
        """Delete a conversation with its messages and the words of its votes; a row stays until Rasa's events are gone too.

        Raises:
            ConversationError: `gone`.
        """
        with self._database.write() as session:
            conversation = locked(session, conversation_id)
            return erase_locked(session, conversation, self._now())

    def _hold_limits(self, connection: Any, conversation: Any, seq: int, now: datetime) -> None:
        most = self._limits.messages_a_minute
        # The message itself is counted too; a conversation of fewer messages cannot have had too many.
        if seq > most and connection.execute(short.RECENT, {"id_": conversation.id, "since": now - _MINUTE}).scalar_one() > most:
            raise ConversationError("too_fast", 60)
        if (
            conversation.address_hash is not None
            and self._uses(connection, conversation.address_hash, now) > self._limits.address_messages_a_minute
        ):
            raise ConversationError("too_fast", 60)

    @staticmethod
    def _uses(connection: Any, address_hash: str, now: datetime) -> int:
        """Count a message of an address; returns how many there were within a minute. A deleted conversation's count too."""
        tenth = int(now.timestamp()) // 10
        connection.execute(short.USE, {"address": address_hash, "tenth": tenth})
        return int(connection.execute(short.USES, {"address": address_hash, "since": tenth - 6}).scalar_one())

    def _hashed(self, address: str) -> str:
        return hmac.new(self._address_key, network_of(address).encode(), hashlib.sha256).hexdigest()


def network_of(address: str) -> str:
    """What is counted as one address: whoever has an IPv6 address has a whole network of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def erase_locked(session: Session, conversation: Conversation, now: datetime) -> Erased:
    """Delete a conversation whose row is locked."""
    busy = conversation.lease_until is not None and conversation.lease_until > now
    session.merge(Erasure(sender=conversation.sender, due_at=now + _ERASE_AFTER_TURN if busy else now))
    mine = Feedback.conversation_id == conversation.id
    session.execute(sa.update(Feedback).where(mine).values(words=None, conversation_id=None, seq=None))
    count = _count(session, Message, Message.conversation_id == conversation.id)
    session.execute(sa.delete(Message).where(Message.conversation_id == conversation.id))
    handed = sa.update(Handover).where(Handover.conversation_id == conversation.id)
    session.execute(handed.where(Handover.ended_at.is_(None)).values(ended_at=now, outcome=ERASED))
    session.execute(handed.values(conversation_id=None, summary={}))
    session.execute(sa.delete(Sign).where(Sign.conversation_id == conversation.id))
    erased = Erased(conversation.sender, count)
    session.delete(conversation)
    return erased


def _count(session: Session, table: Any, *where: Any) -> int:
    return int(session.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())


def _typed(conversation: Any, client_id: str, text: str) -> Draft:
    try:
        taken = take_in(text)
    except TextTooLongError as error:
        raise ConversationError("too_long") from error
    if not taken.text:
        raise ConversationError("empty")
    lang = language_of(taken.text) or conversation.lang
    return Draft(CUSTOMER, lang, taken.text, body={"masked": list(taken.masked)}, client_id=client_id)


def _pressed(connection: Any, conversation: Any, client_id: str, offer: str) -> Draft:
    seq, _, number = offer.partition("-")
    is_number = seq.isdecimal() and len(seq) < 10
    message = connection.execute(short.ONE, {"id_": conversation.id, "seq": int(seq)}).first() if is_number else None
    offers = message.body.get("offers", []) if message else []
    if not number.isdecimal() or not 0 <= int(number) < len(offers):
        raise ConversationError("unknown_offer")
    pressed = offers[int(number)]
    return Draft(CUSTOMER, conversation.lang, pressed["title"], body={"payload": pressed["payload"]}, client_id=client_id)
