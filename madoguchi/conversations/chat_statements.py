"""The statements that every open chat goes by, made once, as those of a question are (short.py)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .handover_tables import CUSTOMER_SIGN, Handover, Sign
from .live import LIVE
from .tables import Conversation, Message

_C: Any = Conversation.__table__
_H: Any = Handover.__table__
_M: Any = Message.__table__
_S: Any = Sign.__table__
_P: Any = sa.bindparam

CHAT = (
    sa.select(
        _C.c.state, _C.c.version, _C.c.lang, _C.c.last_seq, _C.c.sender, _H.c.id, _H.c.company, _H.c.reason, _H.c.summary,
        _H.c.queued_at, _H.c.waiting_since, _H.c.taken_by, _H.c.first_reply_at, _H.c.ended_at, _H.c.ended_seq, _H.c.outcome,
    )
    .join_from(_C, _H, _H.c.conversation_id == _C.c.id)
    .where(_C.c.id == _P("id_"))
    .order_by(_H.c.ended_at.is_not(None), _H.c.id.desc())
    .limit(1)
)  # fmt: skip
"""A conversation with the handover that it is in, else the last that it was in."""

SIGNS = sa.select(_S).where(_S.c.conversation_id == _P("id_"))
SIGN = sa.select(_S).where(_S.c.conversation_id == _P("id_"), _S.c.who == _P("who"))
MESSAGES = sa.select(_M).where(_M.c.conversation_id == _P("id_"), _M.c.seq > _P("after"), _M.c.seq <= _P("until")).order_by(_M.c.seq)
STATE = sa.select(_C.c.state).where(_C.c.id == _P("id_"))

SAID = sa.update(_C).where(_C.c.id == _P("id_")).values(last_seq=_P("seq"), version=_C.c.version + 1, active_at=_P("now"))
REPLIED = sa.update(_H).where(_H.c.id == _P("handover"), _H.c.first_reply_at.is_(None)).values(first_reply_at=_P("now"))
TOUCHED = sa.update(_C).where(_C.c.id == _P("id_"), _C.c.state.in_(LIVE)).values(version=_C.c.version + 1)
"""Has those who look at a live chat look again."""

SIGNED = sa.text(
    "INSERT INTO chat_sign (conversation_id, who, seen_at, typing_at, read_seq) VALUES (:id_, :who, :seen, :typing, :read) "
    "ON CONFLICT (conversation_id, who) DO UPDATE SET seen_at = :seen, typing_at = :typing, read_seq = :read"
).bindparams(*(sa.bindparam(name, type_=_S.c.seen_at.type) for name in ("seen", "typing")))
"""Keeps a sign; as text, for SQLAlchemy 1.4 would compile its own ON CONFLICT anew each time."""

THERE = sa.text(
    f"INSERT INTO chat_sign (conversation_id, who, seen_at, read_seq) VALUES (:id_, '{CUSTOMER_SIGN}', :seen, 0) "  # noqa: S608
    "ON CONFLICT (conversation_id, who) DO UPDATE SET seen_at = :seen"
).bindparams(sa.bindparam("seen", type_=_S.c.seen_at.type))
