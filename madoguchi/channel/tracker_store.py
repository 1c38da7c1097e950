"""A tracker store that reads the last events alone, so that turn 200 costs what turn 10 costs, and that can erase."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import Compiled
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

from madoguchi.settings import ROOT, Settings

logger = logging.getLogger(__name__)

DEFAULT_TURNS = 1
"""Whole turns read before the one that begins; no rule looks back over more."""

_STORED = "_madoguchi_stored_events"
_AFTER_ALL = 2**31 - 1
"""Greater than any id of an event."""

_EVENTS: sa.Table = SQLTrackerStore.SQLEvent.__table__
_INSERT = _EVENTS.insert()
_BY_NAME = sa.Index("ix_events_by_name", *(_EVENTS.c[name] for name in ("sender_id", "type_name", "action_name", "id")))
"""Leads to the last event of a type and name, however many a conversation has."""


def _recent() -> sa.sql.Select:
    """The events since the bot began to listen so many turns before the last; all where there are no more. Oldest first."""
    columns, mine = _EVENTS.c, _EVENTS.c.sender_id == sa.bindparam("sender")
    listened = sa.select(columns.id).where(mine, columns.type_name == ActionExecuted.type_name, columns.action_name == ACTION_LISTEN_NAME)
    first = listened.order_by(columns.id.desc()).limit(1).offset(sa.bindparam("turns")).scalar_subquery()
    return sa.select(columns.id, columns.data).where(mine, columns.id >= sa.func.coalesce(first, 0)).order_by(columns.id)


def _kept(slots: Sequence[str], loops: Sequence[str]) -> sa.sql.Select:
    """Of the events before an id the last of each slot, of each loop and of its end, and the last start of a session; oldest first."""
    columns = _EVENTS.c
    named = [(SlotSet, name) for name in slots] + [(ActiveLoop, name) for name in (*loops, None)] + [(SessionStarted, None)]
    last = [
        sa.select(sa.func.max(columns.id)).where(
            columns.sender_id == sa.bindparam("sender"),
            columns.type_name == event.type_name,
            columns.action_name == name,
            columns.id < sa.bindparam("first"),
        )
        for event, name in named
    ]
    return sa.select(columns.id, columns.data).where(columns.id.in_(sa.union_all(*last))).order_by(columns.id)


class RecentEventsTrackerStore(SQLTrackerStore):
    """SQL tracker store that reads the last turns, and of those before them the last value of each slot and of the loop.

    Events that reset or take back others are known in those turns alone: no action of ours makes any.

    endpoints.yml options: `turns` (whole ones before the one that begins, as many as a rule looks back over), `url` where no
    SQLite file in the data directory is wanted, and those of Rasa's SQL store.
    """

    def __init__(
        self, domain: Domain | None = None, event_broker: EventBroker | None = None, turns: int = DEFAULT_TURNS, **options: Any
    ) -> None:
        options.pop("url", None)
        if options.get("dialect", "sqlite") == "sqlite" and "db" not in options:
            folder = Settings.load().data_dir
            folder = folder if folder.is_absolute() else ROOT / folder
            Path(folder).mkdir(parents=True, exist_ok=True)
            options["db"] = str(folder / "tracker.db")
        self._turns = max(1, turns)  # Rasa sees by the last message whether a session is over
        super().__init__(domain, event_broker=event_broker, **options)
        if self.engine.dialect.name == "sqlite":
            # SQLAlchemy 1.4 would open and tune a SQLite file anew for each transaction.
            self.engine: sa.engine.Engine = sa.create_engine(
                self.engine.url, poolclass=QueuePool, connect_args={"check_same_thread": False}
            )
            sa.event.listen(self.engine, "connect", _tune_sqlite)
            self.sessionmaker = sessionmaker(bind=self.engine)
        try:  # a database from before has the table without it
            _BY_NAME.create(self.engine, checkfirst=True)
        except sa.exc.DatabaseError:
            logger.warning("the index %s could not be made: long conversations are read slowly", _BY_NAME.name, exc_info=True)
        # Compiled once: that takes longer than SQLite takes to answer.
        self._recent = self._compiled(_recent())
        self._kept = lru_cache(maxsize=2)(lambda slots, loops: self._compiled(_kept(slots, loops)))

    def _compiled(self, statement: sa.sql.ClauseElement) -> Compiled:
        return statement.compile(dialect=self.engine.dialect)

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        if fetch_events_from_all_sessions:
            return _as_stored(await super()._retrieve(sender_id, fetch_events_from_all_sessions))
        slots, loops = tuple(slot.name for slot in self.domain.slots), tuple(self.domain.form_names)
        with self.engine.connect() as connection:
            rows = connection.execute(self._recent, {"sender": sender_id, "turns": self._turns}).all()
            if rows:
                rows = [*connection.execute(self._kept(slots, loops), {"sender": sender_id, "first": rows[0].id}), *rows]
        events = _events(rows)
        return _as_stored(DialogueStateTracker.from_dict(sender_id, events, self.domain.slots) if events else None)

    def value(self, sender_id: str, slot: str) -> Any:
        """The value that a slot was last set to in a conversation's session; None where it was not."""
        with self.engine.connect() as connection:
            rows = connection.execute(self._kept((slot,), ()), {"sender": sender_id, "first": _AFTER_ALL}).all()
        return next((event["value"] for event in _events(rows) if event["event"] == SlotSet.type_name), None)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the events that are new, in one statement (Rasa's own writes each by itself)."""
        await self.stream_events(tracker)
        rows = [_row(tracker.sender_id, event) for event in list(tracker.events)[getattr(tracker, _STORED, 0) :]]
        if rows:
            with self.engine.begin() as connection:
                connection.execute(_INSERT, rows)
        _as_stored(tracker)

    def erase(self, sender_id: str) -> int:
        """Delete every event of a conversation and return how many there were."""
        with self.session_scope() as session:
            erased = session.query(self.SQLEvent).filter(self.SQLEvent.sender_id == sender_id).delete()
            session.commit()
            return int(erased)


def _as_stored(tracker: DialogueStateTracker | None) -> DialogueStateTracker | None:
    """A tracker, with a note of how many of its events are in the database."""
    if tracker is not None:
        setattr(tracker, _STORED, len(tracker.events))
    return tracker


def _events(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The events of the last session among rows, as Rasa's own store reads them."""
    events = [json.loads(row.data) for row in rows]
    starts = [index for index, event in enumerate(events) if event["event"] == SessionStarted.type_name]
    return events[starts[-1] :] if starts else events


def _row(sender_id: str, event: Event) -> dict[str, Any]:
    """An event as Rasa's own store writes it."""
    data = event.as_dict()
    return {
        "sender_id": sender_id,
        "type_name": event.type_name,
        "timestamp": data.get("timestamp"),
        "intent_name": data.get("parse_data", {}).get("intent", {}).get("name"),
        "action_name": data.get("name"),
        "data": json.dumps(data),
    }


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """WAL with deletes that overwrite: readers do not wait for writers, and what is erased is gone from the file."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
