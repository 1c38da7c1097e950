"""Questions that the bot did not understand, and what staff make of them.

What waits is read from the messages themselves and copied nowhere, so it is gone with its conversation. Kept is the wording that
staff accepted, and for as long as the message exists that it has been dealt with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from madoguchi import Language
from madoguchi.conversations.tables import CUSTOMER, Conversation, Feedback, Message
from madoguchi.corpus import Corpus
from madoguchi.store import Database, utc_now
from madoguchi.text import fold, language_of
from madoguchi.understanding import choices

from .errors import ReviewError
from .scope import Scope
from .tables import Phrasing, Reviewed
from .turns import Answer, company_of, is_answer, reading
from .wordings import learned, repeated, vetted

SOURCES = ("misunderstood", "unhelpful", "not_stated")
"""Why a question is in the list: the bot asked back or took it for out of scope; a customer voted and left the words; not stated."""

LOOKED_THROUGH = 1_000
"""So many of the newest questions make up the list."""

_MISUNDERSTOOD = ("clarify", "out_of_scope")
_VOTE = sa.and_(Feedback.conversation_id == Answer.conversation_id, Feedback.seq == Answer.seq)


@dataclass
class Item:
    """A question, once, however often it was asked.

    Attributes:
        conversation_id, seq: of the newest message that asked it.
        text: in the customer's words, masked.
        kinds: how often it was answered how.
        unhelpful: how many votes it has against its answers.
        topic, answer_seq: of the newest answer.
        members: every message that asked it.
    """

    conversation_id: str
    seq: int
    text: str
    lang: Language
    company: str | None
    asked_at: datetime
    topic: str | None
    answer_seq: int
    kinds: Counter[str] = field(default_factory=Counter)
    unhelpful: int = 0
    members: list[tuple[str, int]] = field(default_factory=list)

    def add(self, row: Any) -> None:
        """Count a message that asked it, with its answer."""
        if (row.conversation_id, row.seq) not in self.members:
            self.members.append((row.conversation_id, row.seq))
        self.kinds[row.kind] += 1
        self.unhelpful += row.helpful is False

    @property
    def id(self) -> str:
        """What pages name it by."""
        return f"{self.conversation_id}-{self.seq}"


@dataclass(frozen=True)
class Found:
    """A question with what helps to decide on it.

    Attributes:
        reply, citations: of the newest answer.
        likely: clauses and gaps of its company that come to mind: chosen by the customer afterwards, offered, or cited by the bot.
    """

    item: Item
    reply: str
    citations: tuple[str, ...]
    likely: tuple[str, ...]


@dataclass(frozen=True)
class Accepted:
    """A wording for the bot to learn; `entry` None: out of scope."""

    id: int
    company: str | None
    entry: str | None
    lang: Language
    text: str
    accepted_by: str
    accepted_at: datetime
    written_at: datetime | None


class Review:
    """The list and the decisions."""

    def __init__(self, database: Database, corpus: Corpus, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._corpus = corpus
        self._now = now

    def waiting(self, scope: Scope, sources: Collection[str] = SOURCES[:2]) -> list[Item]:
        """Questions that nobody has dealt with, the newest first; none where words may not be read.

        Args:
            sources: of `SOURCES`.
        """
        with reading(self._database) as session:
            return list(self._grouped(session, scope, sources).values())

    def item(self, scope: Scope, item_id: str) -> Found:
        """A question of the list.

        Raises:
            ReviewError: `gone`, or `forbidden`: it is not of a company of theirs.
        """
        with reading(self._database) as session:
            item = self._found(session, scope, item_id)
            answer = session.get(Message, (item.conversation_id, item.answer_seq))
            citations = tuple(answer.body["answer"]["citations"]) if "answer" in answer.body else ()
            return Found(item, answer.text, citations, tuple(self._likely(session, item, answer, citations)))

    def accept(self, scope: Scope, item_id: str, entry: str | None, text: str, by: str) -> int:
        """Have the bot learn a wording of a question; returns its id.

        Args:
            entry: the clause or gap that it asks for; None where it is out of scope.
            text: as staff edited it; cleaned here. Its language is its own, else that of the question.
            by: id of the account.

        Raises:
            ReviewError: any code.
        """
        text = vetted(text)
        chosen = self._corpus.entries.get(entry) if entry is not None else None
        if entry is not None and chosen is None:
            raise ReviewError("entry")
        company = self._corpus.company_of(chosen).id if chosen is not None else None
        item = self.item(scope, item_id).item
        language: Language = language_of(text) or item.lang
        if chosen is not None and not (company == item.company or (item.company is None and scope.holds(company))):
            raise ReviewError("entry")
        if (owner := repeated(text, learned(self._corpus, company, entry, language))) is not None:
            raise ReviewError("known", owner)
        with self._database.write() as session:
            query = sa.select(Phrasing.entry, Phrasing.text).where(Phrasing.lang == language, Phrasing.written_at.is_(None))
            if company is not None:
                query = query.where(sa.or_(Phrasing.company == company, Phrasing.company.is_(None)))
            if repeated(text, [(each.entry or "", each.text) for each in session.execute(query)]) is not None:
                raise ReviewError("accepted")
            phrasing = Phrasing(company=company, entry=entry, lang=language, text=text, accepted_by=by, accepted_at=self._now())
            session.add(phrasing)
            session.flush()
            self._deal_with(session, item, phrasing.id)
            return int(phrasing.id)

    def dismiss(self, scope: Scope, item_id: str) -> None:
        """Take a question off the list; there is nothing to learn from it.

        Raises:
            ReviewError: `gone`, `forbidden`.
        """
        item = self.item(scope, item_id).item
        with self._database.write() as session:
            self._deal_with(session, item, None)

    def accepted(self, scope: Scope, is_written: bool) -> list[Accepted]:
        """Wordings that wait for `madoguchi corpus accept`, or that it has written; the newest first."""
        of = Phrasing.written_at.is_not(None) if is_written else Phrasing.written_at.is_(None)
        query = sa.select(Phrasing).where(of, scope.where(Phrasing.company)).order_by(Phrasing.accepted_at.desc(), Phrasing.id.desc())
        with self._database.read() as session:
            return [_accepted(row) for row in session.execute(query.limit(LOOKED_THROUGH)).scalars()]

    def withdraw(self, scope: Scope, phrasing_id: int) -> None:
        """Take a wording back before it is written; its questions are in the list again, as far as they still exist.

        Raises:
            ReviewError: `gone`, `forbidden`.
        """
        with self._database.write() as session:
            phrasing = session.get(Phrasing, phrasing_id, with_for_update=True)
            if phrasing is None or phrasing.written_at is not None:
                raise ReviewError("gone")
            if not scope.holds(phrasing.company):
                raise ReviewError("forbidden")
            session.delete(phrasing)

    def mark_written(self, phrasing_ids: Collection[int]) -> None:
        """Note that wordings stand in the files of the corpus."""
        with self._database.write() as session:
            session.execute(sa.update(Phrasing).where(Phrasing.id.in_(list(phrasing_ids))).values(written_at=self._now()))

    def _grouped(self, session: Session, scope: Scope, sources: Collection[str]) -> dict[tuple[str, str | None], Item]:
        found: dict[tuple[str, str | None], Item] = {}
        settled: set[tuple[str, str | None]] = set()
        newest = (
            sa.select(Answer.conversation_id, Answer.seq)
            .join(Conversation, Conversation.id == Answer.conversation_id)
            .outerjoin(Feedback, _VOTE)
            .where(is_answer(), _of(sources), scope.where(company_of()))
            .order_by(Answer.created_at.desc())
            .limit(LOOKED_THROUGH)
            .subquery()
        )
        is_newest = sa.and_(newest.c.conversation_id == Answer.conversation_id, newest.c.seq == Answer.seq)
        query = _questions().join(newest, is_newest).order_by(Answer.created_at.desc())
        for row in session.execute(query) if scope.has_words else ():
            key = (fold(row.text), row.company)
            if row.is_settled:
                settled.add(key)
            elif row.is_open:
                found.setdefault(key, _item(row)).add(row)
        # Asked again, the same question waits for the bot to learn it, or is as little worth learning as before.
        return {key: item for key, item in found.items() if key not in settled}

    def _found(self, session: Session, scope: Scope, item_id: str) -> Item:
        conversation_id, _, seq = item_id.partition("-")
        if not seq.isdecimal() or len(seq) > 9:
            raise ReviewError("gone")
        this = (Answer.conversation_id == conversation_id, Answer.body["answers"].as_integer() == int(seq))
        row = session.execute(_questions().where(_of(SOURCES), *this)).first()
        if not scope.has_words or (row is not None and not scope.holds(row.company)):
            raise ReviewError("forbidden")
        if row is None or not row.is_open:
            raise ReviewError("gone")
        groups = self._grouped(session, scope, SOURCES)
        item = next((each for each in groups.values() if (conversation_id, int(seq)) in each.members), None) or _item(row)
        if not item.members:
            item.add(row)
        return item

    def _likely(self, session: Session, item: Item, answer: Message, citations: Sequence[str]) -> Iterable[str]:
        table = choices.table(self._corpus)
        query = (
            sa.select(Message)
            .where(Message.conversation_id == item.conversation_id, Message.sender == CUSTOMER, Message.seq > item.answer_seq)
            .order_by(Message.seq)
            .limit(1)
        )
        pressed = session.execute(query).scalar_one_or_none()
        payloads = [pressed.body.get("payload")] if pressed is not None else []
        payloads += [offer["payload"] for offer in answer.body.get("offers", ())]
        chosen = [choice.entry for text in payloads if text and (choice := table.get(fold(text))) is not None]
        entries = [self._corpus.entries[name] for name in (*chosen, *citations) if name is not None and name in self._corpus.entries]
        return dict.fromkeys(entry.id for entry in entries if item.company in (None, self._corpus.company_of(entry).id))

    @staticmethod
    def _deal_with(session: Session, item: Item, phrasing_id: int | None) -> None:
        try:
            session.execute(
                sa.insert(Reviewed),
                [{"conversation_id": conversation, "seq": seq, "phrasing_id": phrasing_id} for conversation, seq in item.members],
            )
        except IntegrityError as error:  # somebody else dealt with it, or the customer deleted it, at this moment
            raise ReviewError("gone") from error


def _questions() -> Any:
    """Questions that customers typed, with their answers.

    `is_open`: nobody has dealt with it. `is_settled`: somebody has, and the bot has not learned from it yet, or never will.
    """
    asked = aliased(Message, name="asked")
    # A vote says something of the words only where the customer left them for that.
    voted = sa.case((Feedback.words.is_not(None), Feedback.helpful), else_=None).label("helpful")
    return (
        sa.select(
            asked.conversation_id, asked.seq, asked.text, asked.lang, asked.created_at, Answer.kind, company_of().label("company"),
            Answer.topic, Answer.seq.label("answer_seq"), voted, Reviewed.seq.is_(None).label("is_open"),
            sa.and_(Reviewed.seq.is_not(None), Phrasing.written_at.is_(None)).label("is_settled"),
        )
        .join(Conversation, Conversation.id == Answer.conversation_id)
        .join(asked, sa.and_(asked.conversation_id == Answer.conversation_id, asked.seq == Answer.body["answers"].as_integer()))
        .outerjoin(Feedback, _VOTE)
        .outerjoin(Reviewed, sa.and_(Reviewed.conversation_id == asked.conversation_id, Reviewed.seq == asked.seq))
        .outerjoin(Phrasing, Phrasing.id == Reviewed.phrasing_id)
        .where(is_answer(), asked.sender == CUSTOMER, asked.body["payload"].as_string().is_(None))
    )  # fmt: skip


def _of(sources: Collection[str]) -> Any:
    kinds = [*(_MISUNDERSTOOD if "misunderstood" in sources else ()), *(("not_stated",) if "not_stated" in sources else ())]
    voted = sa.and_(Feedback.helpful.is_(False), Feedback.words.is_not(None)) if "unhelpful" in sources else sa.false()
    return sa.or_(Answer.kind.in_(kinds), voted)


def _item(row: Any) -> Item:
    return Item(row.conversation_id, row.seq, row.text, row.lang, row.company, row.created_at, row.topic, row.answer_seq)


def _accepted(row: Phrasing) -> Accepted:
    return Accepted(row.id, row.company, row.entry, row.lang, row.text, row.accepted_by, row.accepted_at, row.written_at)
