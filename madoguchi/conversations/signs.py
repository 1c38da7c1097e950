"""Keeping what is fleeting: who is there, who types."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .handover_tables import Sign


def put(session: Session, table: Any, key: dict[str, Any], values: dict[str, Any], defaults: dict[str, Any] | None = None) -> None:
    """Insert a row, or change these values of the one that there is; two processes may do so at once.

    Args:
        key: its primary key.
        values: what it has then.
        defaults: what else a new one has.
    """
    insert = sa.dialects.sqlite.insert if session.get_bind().dialect.name == "sqlite" else sa.dialects.postgresql.insert
    statement = insert(table).values(**key, **(defaults or {}), **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def put_sign(session: Session, conversation_id: str, who: str, **values: Any) -> None:
    """Keep a sign of somebody in a live chat."""
    put(session, Sign, {"conversation_id": conversation_id, "who": who}, values, {} if "read_seq" in values else {"read_seq": 0})
