"""The database of conversations: engine, sessions, migrations. SQLite by default, PostgreSQL by `DATABASE_URL`."""

from .database import Base, Database, DatabaseError, UtcDateTime, utc_now

__all__ = ["Base", "Database", "DatabaseError", "UtcDateTime", "utc_now"]
