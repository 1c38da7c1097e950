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

DEFAULT_WINDOW = 40
"""Events read for a turn: three turns or more, where the rules look back over one."""

_STORED = "_madoguchi_stored_events"


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
        table = self.SQLEvent
        mine = table.sender_id == sender_id
        recent = session.query(table.id, table.data).filter(mine).order_by(table.id.desc()).limit(self._window).all()
        if not recent:
            return []
        started = session.query(sa.func.max(table.id)).filter(mine, table.type_name == SessionStarted.type_name).scalar() or 0
        older = (
            session.query(sa.func.max(table.id))
            .filter(mine, table.id > started, table.id < recent[-1].id, table.type_name.in_([SlotSet.type_name, ActiveLoop.type_name]))
            .group_by(table.type_name, sa.case((table.type_name == SlotSet.type_name, table.action_name)))
        )
        kept = session.query(table.id, table.data).filter(table.id.in_(older)).order_by(table.id).all()
        return [json.loads(row.data) for row in (*kept, *reversed(recent))]

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


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """WAL with deletes that overwrite: readers do not wait for writers, and what is erased is gone from the file."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
