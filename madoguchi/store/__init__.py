"""The database of conversations: engine, sessions, migrations. SQLite by default, PostgreSQL by `DATABASE_URL`."""

from .database import Base, Database, DatabaseError, Json, UtcDateTime, digest_of, utc_now

__all__ = ["Base", "Database", "DatabaseError", "Json", "UtcDateTime", "digest_of", "utc_now"]
