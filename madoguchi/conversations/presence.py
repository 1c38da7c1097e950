"""Who of the staff is there and takes chats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from madoguchi.requests import Actor
from madoguchi.store import Database, utc_now

from .handover_tables import StaffPresence
from .live import present, serves
from .signs import put


class Presence:
    """Heartbeats of consoles. Calls block: an event loop makes them in a thread."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def beat(self, actor: Actor) -> bool:
        """Somebody's console is open; returns whether they take chats."""
        key = {"account_id": actor.id}
        with self._database.write() as session:
            put(session, StaffPresence, key, {"companies": sorted(actor.companies), "seen_at": self._now()}, {"is_available": False})
            return bool(session.execute(sa.select(StaffPresence.is_available).filter_by(**key)).scalar_one())

    def set_available(self, actor: Actor, is_available: bool) -> None:
        """Somebody takes chats from now on, or does not."""
        values = {"companies": sorted(actor.companies), "seen_at": self._now(), "is_available": is_available}
        with self._database.write() as session:
            put(session, StaffPresence, {"account_id": actor.id}, values)

    def is_available(self, actor: Actor) -> bool:
        """Whether somebody takes chats."""
        with self._database.read() as session:
            found = session.get(StaffPresence, actor.id)
            return found is not None and bool(found.is_available)

    def colleagues(self, actor: Actor, company: str | None) -> list[str]:
        """Accounts of others who are there and take chats of a company."""
        with self._database.read() as session:
            return [
                one.account_id for one in present(session, self._now()) if one.account_id != actor.id and serves(one.companies, company)
            ]
