"""Conversations as the gateway keeps them, planted into a database: for reports and the review."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from madoguchi.conversations.tables import Conversation, Feedback, Message
from madoguchi.store import Database, utc_now

_minutes = itertools.count()


def turn(question: str, kind: str, company: str | None = None, topic: str | None = None, **more: Any) -> dict[str, Any]:
    """A question and its answer.

    `more`: lang, text (of the answer), citations, offers, pressed (the payload, where a button was), vote, words, sender.
    """
    return {"question": question, "kind": kind, "company": company, "topic": topic, **more}


def plant(database: Database, turns: Iterable[dict[str, Any]], site: str | None = None, at: datetime | None = None) -> str:
    """A conversation of these turns; returns its id."""
    cid, moment = uuid.uuid4().hex, at or utc_now() - timedelta(minutes=30) + timedelta(milliseconds=next(_minutes))
    with database.write() as session:
        session.execute(
            sa.insert(Conversation).values(
                id=cid, token_hash=uuid.uuid4().hex * 2, sender=f"web-{uuid.uuid4().hex}", site=site, lang="ja", state="bot", last_seq=0,
                version=0, asked_seq=0, answered_seq=0, told_seq=0, created_at=moment, active_at=moment,
            )
        )  # fmt: skip
        for n, each in enumerate(turns):
            asked, answered, lang = 2 * n + 1, 2 * n + 2, each.get("lang", "en")
            body = {"masked": [], **({"payload": each["pressed"]} if "pressed" in each else {})}
            common = {"conversation_id": cid, "lang": lang, "created_at": moment}
            session.execute(sa.insert(Message).values(seq=asked, sender="customer", text=each["question"], body=body, **common))
            answer = {"kind": each["kind"], "company": each["company"], "topic": each["topic"], "request": None, "language": lang}
            answer["citations"] = each.get("citations", [])
            body = {"answers": asked, "offers": [{"title": o, "payload": o} for o in each.get("offers", ())]}
            sender = each.get("sender", "assistant")
            body |= {"answer": answer, "votable": True} if sender == "assistant" else {}
            said = {"seq": answered, "sender": sender, "kind": each["kind"], "text": each.get("text", "…"), "body": body}
            session.execute(sa.insert(Message).values(**said, **common))
            if "vote" in each:
                vote = {"helpful": each["vote"], "kind": each["kind"], "company": each["company"], "topic": each["topic"], "lang": lang}
                words = each["question"] if each.get("words", True) else None
                session.execute(
                    sa.insert(Feedback).values(conversation_id=cid, seq=answered, clauses=[], words=words, created_at=moment, **vote)
                )
    return cid
