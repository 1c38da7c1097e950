"""The statements that every question goes by, made once.

A turn waits for each of them; building them and tracking objects would cost as much again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from .tables import BOT, CUSTOMER, NOTE, AddressUse, Conversation, Message
from .writing import Draft, News, shown, state_of

_C: Any = Conversation.__table__
_M: Any = Message.__table__
_A: Any = AddressUse.__table__
_P: Any = sa.bindparam
_MESSAGE = (_M.c.conversation_id, _M.c.seq, _M.c.client_id, _M.c.sender, _M.c.kind, _M.c.lang, _M.c.text, _M.c.body, _M.c.created_at)
_CHANGING = ("last_seq", "version", "active_at", "asked_seq", "answered_seq", "retry_at", "lease_by", "lease_until")

ONE = sa.select(*_MESSAGE).where(_M.c.conversation_id == _P("id_"), _M.c.seq == _P("seq"))
BY_ID = sa.select(_C).where(_C.c.id == _P("id_")).with_for_update()
BY_TOKEN = sa.select(_C).where(_C.c.token_hash == _P("digest")).with_for_update()
EXISTS = sa.select(_C.c.id).where(_C.c.id == _P("id_"))
OURS = sa.select(_C).where(_C.c.id == _P("id_"), _C.c.lease_by == _P("me")).with_for_update()
UPDATE = sa.update(_C).where(_C.c.id == _P("id_")).values({name: _P(name) for name in _CHANGING})
KNOWN = sa.select(*_MESSAGE).where(_M.c.conversation_id == _P("id_"), _M.c.client_id == _P("client"))
NEXT_QUESTION = (
    sa.select(*_MESSAGE)
    .where(_M.c.conversation_id == _P("id_"), _M.c.sender == CUSTOMER, _M.c.seq > _P("after"))
    .order_by(_M.c.seq)
    .limit(1)
)
RECENT = sa.select(sa.func.count()).where(_M.c.conversation_id == _P("id_"), _M.c.sender == CUSTOMER, _M.c.created_at > _P("since"))
USES = sa.select(sa.func.sum(_A.c.messages)).where(_A.c.address_hash == _P("address"), _A.c.tenth > _P("since"))

# As text, which both databases read: SQLAlchemy 1.4 would compile its own ON CONFLICT anew each time.
_NAMES = [column.name for column in _MESSAGE]
INSERT = sa.text(
    f"INSERT INTO message ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)}) "  # noqa: S608
    "ON CONFLICT (conversation_id, client_id) DO NOTHING"
).bindparams(*(sa.bindparam(column.name, type_=column.type) for column in _MESSAGE))
"""Inserts a message, where the conversation has none of that client_id."""
USE = sa.text(
    "INSERT INTO address_use (address_hash, tenth, messages) VALUES (:address, :tenth, 1) "
    "ON CONFLICT (address_hash, tenth) DO UPDATE SET messages = address_use.messages + 1"
)
"""Counts one more use of an address in ten seconds."""


def row_of(conversation: Any, seq: int, draft: Draft, now: datetime) -> dict[str, Any]:
    """The row of a message with this number."""
    return {
        "conversation_id": conversation.id, "seq": seq, "client_id": draft.client_id, "sender": draft.sender, "kind": draft.kind,
        "lang": draft.lang, "text": draft.text, "body": dict(draft.body), "created_at": now,
    }  # fmt: skip


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A message as readers see it, from its row."""
    return shown(SimpleNamespace(**row))


def news_of(conversation: Any, changes: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> News | None:
    """The news of a transaction; None where the state that readers see is made of more than the conversation's row.

    Args:
        conversation: the row before.
        changes: of the row.
        rows: of the messages that came.
    """
    if conversation.state != BOT:
        return None
    after = SimpleNamespace(**{**conversation._mapping, **changes})
    return News(conversation.version, after.version, [shown_row(row) for row in rows if row["sender"] != NOTE], state_of(after))
