"""Migrated databases, a new one for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from madoguchi.store import Database

from .requests_counter import sqlite_url


def _run(server: str, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", future=True)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """A server with a migrated database to copy; the other tests' one stays as it is."""
    _run(postgres, "CREATE DATABASE requests_template")
    database = Database(postgres.rsplit("/", 1)[0] + "/requests_template")
    database.migrate()
    database.engine.dispose()
    return postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, migrated database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server, name = request.getfixturevalue("postgres_template"), f"t{uuid.uuid4().hex}"
    _run(server, f"CREATE DATABASE {name} TEMPLATE requests_template")
    return server.rsplit("/", 1)[0] + f"/{name}"
