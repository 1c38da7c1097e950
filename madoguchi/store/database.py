"""Engine and sessions, with what differs between SQLite and PostgreSQL kept in here."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite  # both, since the tables name types and inserts of both
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.pool import QueuePool

from madoguchi import MadoguchiError

Base: Any = declarative_base()
Json: Any = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")
_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 7_305_812
"""Any number, the same in every process: PostgreSQL's advisory lock under which one process migrates."""


class DatabaseError(MadoguchiError):
    """The database cannot be used; the message names the setting and holds no password."""


def digest_of(token: str) -> str:
    """What is kept of a random token, by which it is found again: its SHA-256, in 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def utc_now() -> datetime:
    """The present time, aware, in UTC."""
    return datetime.now(timezone.utc)


class UtcDateTime(sa.types.TypeDecorator):
    """Aware times in and out, kept in UTC; SQLite itself knows no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Database:
    """Sessions for reading and for writing. Calls block: an event loop makes them in a thread."""

    def __init__(self, url: str) -> None:
        """Create the engine; nothing is opened yet.

        Args:
            url: as SQLAlchemy takes it: `sqlite:///FILE` or `postgresql://…` (`postgres://…` is taken too).

        Raises:
            DatabaseError: the URL is of another kind or cannot be read.
        """
        try:
            parsed = make_url(url.replace("postgres://", "postgresql://", 1))
        except (SQLAlchemyError, ValueError) as error:
            raise DatabaseError("DATABASE_URL cannot be read; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") from error
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if not self.is_sqlite and parsed.get_backend_name() != "postgresql":
            raise DatabaseError(f"DATABASE_URL: {parsed.get_backend_name()} is not supported; use sqlite or postgresql")
        self.name = parsed.render_as_string(hide_password=True)
        self.url = parsed
        # SQLAlchemy 1.4 would open a SQLite file anew for each transaction, and the last to close it checkpoints the WAL each time.
        options: dict[str, Any] = (
            {"connect_args": {"timeout": 10, "check_same_thread": False}, "poolclass": QueuePool}
            if self.is_sqlite
            else {"pool_pre_ping": True}
        )
        options |= {"pool_size": 10, "max_overflow": 40}
        self.engine = sa.create_engine(parsed, future=True, **options)
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            sa.event.listen(self.engine, "connect", _tune_sqlite)
            sa.event.listen(self.engine, "begin", _begin)
        self._writing = self.engine.execution_options(writes=True)
        # SQLite lets one write at a time and wakes those who wait in no order; among the threads of a process a lock is fairer.
        self._turn_to_write = threading.Lock() if self.is_sqlite else contextlib.nullcontext()

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is rolled back at its end."""
        with Session(self.engine, future=True) as session:
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at its end; on SQLite it holds the write lock from its start."""
        with self._turn_to_write, Session(self._writing, future=True, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def statements(self) -> Iterator[Any]:
        """As `write`, a connection without a session, for statements that need no objects."""
        with self._turn_to_write, self._writing.begin() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the tables to the newest revision; several processes may call it at once.

        Raises:
            DatabaseError: the database cannot be reached or a migration fails.
        """
        try:
            if self._is_newest():
                return
            with self._writing.begin() as connection:
                if not self.is_sqlite:
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                _upgrade(connection)
        except SQLAlchemyError as error:
            raise DatabaseError(f"the database {self.name} cannot be used ({type(error).__name__}); check DATABASE_URL") from error

    def _is_newest(self) -> bool:
        """Whether the tables are at the newest revision, found out without alembic, whose import takes as long as a start should."""
        with self.engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return list(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()) == _newest()

    def is_alive(self) -> bool:
        """Whether a query is answered."""
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


def _newest() -> list[str]:
    """The revisions that no other is made upon, from the files of migrations."""
    texts = [path.read_text(encoding="utf-8") for path in _MIGRATIONS.glob("versions/*.py")]
    below = {found[1] for text in texts if (found := re.search(r"^down_revision = \"(\w+)\"", text, re.M))}
    return sorted(found[1] for text in texts if (found := re.search(r"^revision = \"(\w+)\"", text, re.M)) and found[1] not in below)


def _upgrade(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin by itself, and later than we need it
    cursor = connection.cursor()
    # Readers do not wait for writers, and what is deleted is overwritten in the file.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between; one that writes takes the lock at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
