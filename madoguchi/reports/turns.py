"""Answers as rows to be counted: whose they are, and on which day in Japan they were given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from madoguchi.conversations.tables import ASSISTANT, SYSTEM, Conversation, Message
from madoguchi.store import Database

from .period import Period

FAILED = "failed"
"""Kind of the gateway's own message where the assistant gave no answer."""

MISUNDERSTOOD = frozenset({"clarify", "out_of_scope", FAILED})
ASKED = frozenset({"answer", "desk", "not_stated", "ask_company"}) | MISUNDERSTOOD
"""Kinds of reply to a question about a policy; the others are greetings, requests and their state, and wishes for a person."""

Answer: Any = aliased(Message, name="answer")


@contextlib.contextmanager
def reading(database: Database) -> Iterator[Session]:
    """A session that reads, for queries over many messages."""
    with database.read() as session:
        if not database.is_sqlite:
            # PostgreSQL takes longer to compile these queries than to run them.
            session.execute(sa.text("SET LOCAL jit = off"))
        yield session


def company_of(answer: Any = Answer) -> Any:
    """The company that an answer is about, else that of the page, else the first that the conversation was about.

    So a question of a customer of one company is not shown to another's staff for want of a name in it. The row of the
    conversation has to be joined.
    """
    other = aliased(Message)
    first = (
        sa.select(other.company)
        .where(other.conversation_id == answer.conversation_id, other.company.is_not(None))
        .order_by(other.seq)
        .limit(1)
        .scalar_subquery()
    )
    return sa.func.coalesce(answer.company, Conversation.site, first)


def is_answer(answer: Any = Answer) -> Any:
    """Whether a message answers, or says that there is no answer."""
    return sa.and_(answer.sender.in_((ASSISTANT, SYSTEM)), sa.or_(answer.sender == ASSISTANT, answer.kind == FAILED))


def within(period: Period, column: Any) -> Any:
    """Whether a time lies in a period."""
    return sa.and_(column >= period.starts, column < period.ends)


def day_of(session: Session, column: Any) -> Any:
    """The day in Japan of a time, as a text; Japan has no summer time."""
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.date(column, "+9 hours")
    return sa.func.to_char(sa.func.timezone("Asia/Tokyo", column), "YYYY-MM-DD")
