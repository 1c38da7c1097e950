"""A tracker store that reads the last events alone, so that turn 200 costs what turn 10 costs, and that can erase."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from madoguchi.settings import ROOT, Settings

DEFAULT_WINDOW = 28
"""Events read for a turn: two of the longest turns, where the rules look back over one."""

_STORED = "_madoguchi_stored_events"

_EVENTS: sa.Table = SQLTrackerStore.SQLEvent.__table__


def _statements() -> tuple[sa.sql.Select, sa.sql.Select]:
    """The last events of a conversation, newest first; and of those before them the last value of each slot and of the loop.

    Made once: to put a statement together takes longer than SQLite takes to answer it.
    """
    columns, mine = _EVENTS.c, _EVENTS.c.sender_id == sa.bindparam("sender")
    recent = sa.select(columns.id, columns.data).where(mine).order_by(columns.id.desc()).limit(sa.bindparam("window"))
    started = sa.select(sa.func.max(columns.id)).where(mine, columns.type_name == SessionStarted.type_name).scalar_subquery()
    older = (
        sa.select(sa.func.max(columns.id))
        .where(mine, columns.id > sa.func.coalesce(started, 0), columns.id < sa.bindparam("first"))
        .where(columns.type_name.in_([SlotSet.type_name, ActiveLoop.type_name]))
        .group_by(columns.type_name, sa.case((columns.type_name == SlotSet.type_name, columns.action_name)))
    )
    return recent, sa.select(columns.id, columns.data).where(columns.id.in_(older)).order_by(columns.id)


_RECENT, _KEPT = _statements()


class RecentEventsTrackerStore(SQLTrackerStore):
    """SQL tracker store with a window: the last events, and before them the last value of each slot and of the loop.

    endpoints.yml options: `window` (events), `url` where no SQLite file in the data directory is wanted, and those of
    Rasa's SQL store.
    """

    def __init__(
        self, domain: Domain | None = None, event_broker: EventBroker | None = None, window: int = DEFAULT_WINDOW, **options: Any
    ) -> None:
        options.pop("url", None)
        if options.get("dialect", "sqlite") == "sqlite" and "db" not in options:
            folder = Settings.load().data_dir
            folder = folder if folder.is_absolute() else ROOT / folder
            Path(folder).mkdir(parents=True, exist_ok=True)
            options["db"] = str(folder / "tracker.db")
        self._window = window
        super().__init__(domain, event_broker=event_broker, **options)
        if self.engine.dialect.name == "sqlite":
            # SQLAlchemy 1.4 would open and tune a SQLite file anew for each transaction.
            self.engine: sa.engine.Engine = sa.create_engine(
                self.engine.url, poolclass=QueuePool, connect_args={"check_same_thread": False}
            )
            sa.event.listen(self.engine, "connect", _tune_sqlite)
            self.sessionmaker = sessionmaker(bind=self.engine)

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        if fetch_events_from_all_sessions:
            return await super()._retrieve(sender_id, fetch_events_from_all_sessions)
        with self.session_scope() as session:
            events = self._recent(session, sender_id)
        if not self.domain or not events:
            return None
        tracker = DialogueStateTracker.from_dict(sender_id, events, self.domain.slots)
        setattr(tracker, _STORED, len(tracker.events))
        return tracker

    def _recent(self, session: Session, sender_id: str) -> list[dict[str, Any]]:
        recent = session.execute(_RECENT, {"sender": sender_id, "window": self._window}).all()
        kept = []
        if len(recent) == self._window:
            kept = session.execute(_KEPT, {"sender": sender_id, "first": recent[-1].id}).all()
        return [json.loads(row.data) for row in (*kept, *reversed(recent))]

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the events that are new, in one statement (Rasa's own writes each by itself)."""
        await self.stream_events(tracker)
        with self.session_scope() as session:
            rows = [_row(tracker.sender_id, event) for event in self._additional_events(session, tracker)]
            if rows:
                session.execute(_EVENTS.insert(), rows)
                session.commit()

    def _additional_events(self, session: Session, tracker: DialogueStateTracker) -> Iterable[Event]:
        stored = getattr(tracker, _STORED, 0)
        setattr(tracker, _STORED, len(tracker.events))
        return list(tracker.events)[stored:]

    def erase(self, sender_id: str) -> int:
        """Delete every event of a conversation and return how many there were."""
        with self.session_scope() as session:
            erased = session.query(self.SQLEvent).filter(self.SQLEvent.sender_id == sender_id).delete()
            session.commit()
            return int(erased)


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
