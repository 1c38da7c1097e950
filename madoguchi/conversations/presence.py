"""Who of the staff is there and takes chats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from madoguchi.requests import Actor
from madoguchi.store import Database, utc_now

from .handover_tables import StaffPresence
from .live import present, serves
from .signs import put

FORGOTTEN = timedelta(hours=1)
"""Who was not heard of for this long no longer takes chats when their console is opened again."""


class Presence:
    """Heartbeats of consoles. Calls block: an event loop makes them in a thread."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def beat(self, actor: Actor) -> bool:
        """Somebody's console is open; returns whether they take chats. Who was away for long has to say so again."""
        now = self._now()
        with self._database.write() as session:
            before = session.get(StaffPresence, actor.id)
            is_available = before is not None and bool(before.is_available) and before.seen_at > now - FORGOTTEN
            values = {"companies": sorted(actor.companies), "seen_at": now, "is_available": is_available}
            put(session, StaffPresence, {"account_id": actor.id}, values)
            return is_available

    def set_available(self, actor: Actor, is_available: bool) -> None:
        """Somebody takes chats from now on, or does not."""
        values = {"companies": sorted(actor.companies), "seen_at": self._now(), "is_available": is_available}
        with self._database.write() as session:
            put(session, StaffPresence, {"account_id": actor.id}, values)

    def is_available(self, actor: Actor) -> bool:
        """Whether somebody takes chats."""
        with self._database.read() as session:
            found = session.get(StaffPresence, actor.id)
            return found is not None and bool(found.is_available) and found.seen_at > self._now() - FORGOTTEN

    def colleagues(self, actor: Actor, company: str | None) -> list[str]:
        """Accounts of others who are there and take chats of a company."""
        with self._database.read() as session:
            return [
                one.account_id for one in present(session, self._now()) if one.account_id != actor.id and serves(one.companies, company)
            ]
