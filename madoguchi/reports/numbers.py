"""What reports count. Everything is added up in the database; customers' words come out masked, as they are stored, and nowhere else."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from madoguchi import Language
from madoguchi.conversations.handover_tables import Handover
from madoguchi.conversations.tables import Conversation, Feedback, Message
from madoguchi.corpus import Corpus, Gap
from madoguchi.requests.tables import Ticket
from madoguchi.store import Database
from madoguchi.text import fold

from .period import Period
from .scope import Scope
from .turns import Answer, company_of, day_of, is_answer, reading, within

EXAMPLES = 3
_EXAMPLES_FROM = 1_000
"""So many of the newest questions are looked through for examples."""

CLOCKS = (("opened_at", "arrived_at"), ("arrived_at", "answered_at"), ("documents_at", "answered_at"), ("opened_at", "closed_at"))
"""Stretches of a ticket's life: until the contact was proven, from there to the decision, from the documents to it, until the end."""


@dataclass(frozen=True)
class Replies:
    """How many replies of one kind there were."""

    kind: str
    company: str | None
    topic: str | None
    lang: Language
    count: int


@dataclass(frozen=True)
class Votes:
    """How many customers found answers of a company to a topic helpful, and how many did not."""

    company: str | None
    topic: str | None
    helpful: int
    unhelpful: int


@dataclass(frozen=True)
class Handovers:
    """Conversations of a company that went to staff: why, how many got a reply, after how many minutes (median)."""

    company: str | None
    reasons: Counter[str]
    answered: int
    wait: float | None


@dataclass
class NotStated:
    """How often customers asked for something that a company's policy does not state.

    Attributes:
        gap: None where the answer's wording is no longer that of any gap.
        examples: words of customers, masked, each once.
    """

    company: str | None
    topic: str | None
    gap: Gap | None
    count: int = 0
    langs: Counter[Language] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Requests:
    """The requests of one type: how many, in which states, and the median days of each stretch with how many have run it."""

    type: str
    states: Counter[str]
    clocks: Sequence[tuple[float | None, int]]


class Numbers:
    """The numbers of a period, as far as somebody may know them."""

    def __init__(self, database: Database, corpus: Corpus) -> None:
        self._database = database
        self._corpus = corpus

    def replies(self, period: Period, scope: Scope) -> list[Replies]:
        """Replies by kind, company, topic and language."""
        each = self._each(period, Answer.kind, Answer.topic, Answer.lang)
        columns = (each.c.kind, each.c.company, each.c.topic, each.c.lang)
        query = sa.select(*columns, sa.func.count()).where(scope.where(each.c.company)).group_by(*columns)
        with reading(self._database) as session:
            return [Replies(*row) for row in session.execute(query)]

    def daily(self, period: Period, scope: Scope) -> dict[tuple[date, str], int]:
        """Replies by day and kind."""
        with reading(self._database) as session:
            each = self._each(period, Answer.kind, day_of(session, Answer.created_at).label("day"))
            query = sa.select(each.c.day, each.c.kind, sa.func.count()).where(scope.where(each.c.company)).group_by(each.c.day, each.c.kind)
            return {(date.fromisoformat(day), kind): count for day, kind, count in session.execute(query)}

    @staticmethod
    def _each(period: Period, *columns: Any, kind: str | None = None) -> Any:
        """Columns of each reply, and its `company`."""
        query = (
            sa.select(*columns, company_of().label("company"))
            .join(Conversation, Conversation.id == Answer.conversation_id)
            .where(is_answer(), within(period, Answer.created_at))
        )
        return (query if kind is None else query.where(Answer.kind == kind)).subquery()

    def votes(self, period: Period, scope: Scope) -> list[Votes]:
        """Votes by company and topic; they outlive their conversations."""
        company = sa.func.coalesce(Feedback.company, Conversation.site)
        helpful = sa.func.sum(sa.case((Feedback.helpful, 1), else_=0))
        query = (
            sa.select(company, Feedback.topic, helpful, sa.func.count() - helpful)
            .outerjoin(Conversation, Conversation.id == Feedback.conversation_id)
            .where(within(period, Feedback.created_at), scope.where(company))
            .group_by(company, Feedback.topic)
        )
        with reading(self._database) as session:
            return [Votes(*row) for row in session.execute(query)]

    def handovers(self, period: Period, scope: Scope) -> list[Handovers]:
        """Conversations that went to staff, by company; they outlive their conversations."""
        query = sa.select(Handover.company, Handover.reason, Handover.queued_at, Handover.first_reply_at).where(
            within(period, Handover.queued_at), scope.where(Handover.company)
        )
        reasons: dict[str | None, Counter[str]] = defaultdict(Counter)
        waits: dict[str | None, list[float]] = defaultdict(list)
        with reading(self._database) as session:
            for company, reason, queued_at, first_reply_at in session.execute(query):
                reasons[company][reason] += 1
                if first_reply_at is not None:
                    waits[company].append(_days(queued_at, first_reply_at) * 1_440)
        return [
            Handovers(company, counted, len(waits[company]), statistics.median(waits[company]) if waits[company] else None)
            for company, counted in reasons.items()
        ]

    def not_stated(self, period: Period, scope: Scope) -> list[NotStated]:
        """What customers asked and the policies do not say, the commonest first."""
        each = self._each(period, Answer.text, Answer.topic, Answer.lang, kind="not_stated")
        columns = (each.c.text, each.c.company, each.c.topic, each.c.lang)
        query = sa.select(*columns, sa.func.count()).where(scope.where(each.c.company)).group_by(*columns)
        found: dict[tuple[str | None, str | None, str | None], NotStated] = {}
        with reading(self._database) as session:
            for text, company, topic, lang, count in session.execute(query):
                for row in self._rows(found, scope, text, company, topic, lang):
                    row.count += count
                    row.langs[lang] += count
            if scope.has_words:
                for text, company, topic, lang, words in session.execute(self._examples(period, scope)):
                    for row in self._rows(found, scope, text, company, topic, lang):
                        if len(row.examples) < EXAMPLES and all(fold(words) != fold(other) for other in row.examples):
                            row.examples.append(words)
        return sorted(found.values(), key=lambda row: (-row.count, row.company or "~", row.gap.id if row.gap else ""))

    def _rows(
        self,
        found: dict[tuple[str | None, str | None, str | None], NotStated],
        scope: Scope,
        text: str,
        company: str | None,
        topic: str | None,
        lang: Language,
    ) -> Iterator[NotStated]:
        """The rows that an answer belongs to: one for each gap whose sentence it says."""
        gaps = [gap for gap in self._gaps(company, topic) if gap.says[lang] in text]
        for gap in gaps or (None,):
            of = self._corpus.company_of(gap).id if gap else company
            if scope.holds(of):
                key = (of, gap.id if gap else None, topic if gap is None else None)
                yield found.setdefault(key, NotStated(of, gap.topic if gap else topic, gap))

    def _gaps(self, company: str | None, topic: str | None) -> Iterable[Gap]:
        """The gaps that an answer may be about; of several companies, or topics, it names none."""
        known = company in self._corpus.companies and topic is not None
        entries = self._corpus.entries_of(company) if known and company else self._corpus.entries.values()
        return (entry for entry in entries if isinstance(entry, Gap))

    @staticmethod
    def _examples(period: Period, scope: Scope) -> Any:
        newest = (
            sa.select(Answer.conversation_id, Answer.seq, company_of().label("company"))
            .join(Conversation, Conversation.id == Answer.conversation_id)
            .where(Answer.kind == "not_stated", is_answer(), within(period, Answer.created_at), scope.where(company_of()))
            .order_by(Answer.created_at.desc())
            .limit(_EXAMPLES_FROM)
            .subquery()
        )
        said, asked = aliased(Message), aliased(Message)
        return (
            sa.select(said.text, newest.c.company, said.topic, said.lang, asked.text)
            .select_from(newest)
            .join(said, sa.and_(said.conversation_id == newest.c.conversation_id, said.seq == newest.c.seq))
            .join(asked, sa.and_(asked.conversation_id == said.conversation_id, asked.seq == said.body["answers"].as_integer()))
            .where(asked.body["payload"].as_string().is_(None))
            .order_by(said.created_at.desc())
        )

    def requests(self, period: Period, scope: Scope) -> list[Requests]:
        """The requests that were opened in a period, by type."""
        times = sorted({name for pair in CLOCKS for name in pair})
        query = sa.select(Ticket.type, Ticket.state, *(getattr(Ticket, name) for name in times)).where(
            within(period, Ticket.opened_at), scope.where(Ticket.company)
        )
        states: dict[str, Counter[str]] = defaultdict(Counter)
        days: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in CLOCKS])
        with reading(self._database) as session:
            for row in session.execute(query):
                states[row.type][row.state] += 1
                for place, (since, until) in enumerate(CLOCKS):
                    started, ended = row[since], row[until]
                    if started is not None and ended is not None:
                        days[row.type][place].append(_days(started, ended))
        return [
            Requests(name, counted, tuple((statistics.median(each) if each else None, len(each)) for each in days[name]))
            for name, counted in sorted(states.items())
        ]


def _days(started: datetime, ended: datetime) -> float:
    return max(0.0, (ended - started).total_seconds() / 86_400)
