"""The migration makes the tables that the models describe, and takes them away again."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

import madoguchi.accounts.tables
import madoguchi.conversations.handover_tables
import madoguchi.conversations.tables
import madoguchi.reports.tables
import madoguchi.requests.tables  # noqa: F401 - makes the models known
from madoguchi.store import Base, Database
from madoguchi.store.database import _MIGRATIONS


def test_the_tables_are_those_of_the_models(database_url):
    database = Database(database_url)
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.engine.dispose()


def test_the_migration_can_be_taken_back(database_url):
    import sqlalchemy as sa

    database, config = Database(database_url), Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    for act, wanted in ((command.downgrade, False), (command.upgrade, True)):
        with database._writing.begin() as connection:
            config.attributes["connection"] = connection
            act(config, "0001" if act == command.downgrade else "head")
        with database.engine.connect() as connection:
            tables = set(sa.inspect(connection).get_table_names())
        assert ("ticket" in tables) is wanted
        assert "conversation" in tables
    database.engine.dispose()
