"""The databases the SQL stores are tested on, and how to break them; every fault is the database's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import event
from tests.servers.postgres import PASSWORD

from secretsource.stores import sql
from secretsource.testing import AsyncStoreHarness, StoreHarness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource.stores.sql import AsyncSqlStore, SqlStore

SQLITE_HAS_NONE = {
    "lose": "a file has no connection to lose",
    "conflict": "SQLite has one writer at a time, so that nothing has to be serialized afterwards",
}
PATIENCE = 20.0
"""Seconds for which a writer of SQLite waits for others, each of which may wait long for the disk of a busy machine."""
TABLES = (
    "secretsource_events",
    "secretsource_witnesses",
    "secretsource_owners",
    "secretsource_plans",
    "secretsource_counts",
    "secretsource_credits",
    "secretsource_outbox",
)
"""What is written second in each transaction."""


def do(url: str, *statements: str) -> None:
    """Say something to a PostgreSQL server, past the store."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _told(pragma: str) -> Callable[[sqlite3.Connection, str], None]:
    def tell(connection: sqlite3.Connection, _: str) -> None:
        connection.execute(pragma)

    return tell


class SqliteDatabase:
    """A file; faults are pragmas of the store's own connections, or the lock of a stranger."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "keys.db"
        self.url = f"sqlite:///{self.file}?timeout={PATIENCE:.0f}"
        self._stores: list[SqlStore] = []
        self._on_statement: Callable[[sqlite3.Connection, str], None] | None = None
        self._stranger: sqlite3.Connection | None = None

    def watch(self, store: SqlStore) -> SqlStore:
        """Look at every statement of a store, so that a fault can come before one of them."""
        store.database.open()
        engine = store.database._engine
        assert engine is not None
        event.listen(engine, "before_cursor_execute", self._before)
        self._stores.append(store)
        self._wait()
        return store

    def _wait(self) -> None:
        """Let writers wait for a stranger for a moment only, and otherwise as the URL says."""
        for store in self._stores:
            store.database._writers._patience = PATIENCE if self._stranger is None else 0.5

    def _before(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if self._on_statement is not None:
            self._on_statement(connection.connection.dbapi_connection, statement)

    def deadlock(self) -> None:
        self._stranger = sqlite3.connect(self.file, isolation_level=None)
        self._stranger.execute("BEGIN IMMEDIATE")
        self._wait()

    def fill(self) -> None:
        with closing(sqlite3.connect(self.file)) as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
        self._on_statement = _told(f"PRAGMA max_page_count = {pages}")

    def forbid(self) -> None:
        self._on_statement = _told("PRAGMA query_only = ON")

    def interrupt(self) -> None:
        def interrupt(connection: sqlite3.Connection, statement: str) -> None:
            second = statement.startswith(tuple(f"INSERT INTO {table}" for table in TABLES))
            connection.set_progress_handler((lambda: self._on_statement is interrupt) if second else None, 1)

        self._on_statement = interrupt

    def heal(self) -> None:
        if self._stranger is not None:
            self._stranger.close()
            self._stranger = None
            self._wait()

        def mend(connection: sqlite3.Connection, _: str) -> None:
            connection.set_progress_handler(None, 0)
            connection.execute("PRAGMA query_only = OFF")
            connection.execute("PRAGMA max_page_count = 1073741823")

        self._on_statement = mend


class SqliteHarness(SqliteDatabase, StoreHarness):
    """The store for threads."""

    def open(self) -> SqlStore:
        return self.watch(sql.SqlStore.open(self.url))


class AsyncSqliteHarness(SqliteDatabase, AsyncStoreHarness):
    """The store for event loops."""

    def open(self) -> AsyncSqlStore:
        return sql.AsyncSqlStore(self.watch(sql.SqlStore.open(self.url)))


class PostgresDatabase:
    """A server; faults are raised by a trigger between the first and the second statement of a transaction.

    Args:
        url: Of the database, whose tables are emptied.
    """

    hidden = (PASSWORD,)

    def __init__(self, url: str) -> None:
        self.url = url
        tables = (
            "keys", "events", "uses", "witnesses", "seals", "owners", "plans", "owner_events", "counts", "credits",
            "chores", "claims", "outbox", "passes", "sums",
        )  # fmt: skip
        self.do(f"TRUNCATE {', '.join(f'secretsource_{table}' for table in tables)}")
        self.heal()

    def do(self, *statements: str) -> None:
        """Say something to the server."""
        do(self.url, *statements)

    def on_second_statement(self, body: str) -> None:
        """Run PL/pgSQL before the second statement of each transaction that writes or deletes."""
        self.do(
            f"CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NEW; END $$",
            *(f"CREATE TRIGGER fault BEFORE INSERT OR DELETE ON {table} EXECUTE FUNCTION fault()" for table in TABLES),
        )

    def lose(self) -> None:
        self.on_second_statement("PERFORM pg_terminate_backend(pg_backend_pid())")

    def fail(self, state: str) -> None:
        """End the transaction with a SQLSTATE."""
        self.on_second_statement(f"RAISE EXCEPTION 'planned' USING ERRCODE = '{state}'")

    def deadlock(self) -> None:
        self.fail("40P01")

    def conflict(self) -> None:
        self.fail("40001")

    def fill(self) -> None:
        self.fail("53100")

    def forbid(self) -> None:
        self.fail("25006")

    def interrupt(self) -> None:
        self.fail("57014")

    def heal(self) -> None:
        self.do("DROP FUNCTION IF EXISTS fault() CASCADE")


class PostgresHarness(PostgresDatabase, StoreHarness):  # type: ignore[misc]
    """The store for threads."""

    def open(self) -> SqlStore:
        return sql.PostgresStore.open(self.url)


class AsyncPostgresHarness(PostgresDatabase, AsyncStoreHarness):  # type: ignore[misc]
    """The store for event loops."""

    def open(self) -> AsyncSqlStore:
        return sql.AsyncPostgresStore.open(self.url)
