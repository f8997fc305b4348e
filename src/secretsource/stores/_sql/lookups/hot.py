"""The two look-ups of uncached checks, straight to the driver: statements by primary key, prepared once.

This module and `sqlite_lookup` bypass SQLAlchemy: its compiling, pooling and row objects cost more than SQLite's whole
look-up. Connections to PostgreSQL are on a stack, so there are as many as there were simultaneous look-ups.
"""

from __future__ import annotations

from secretsource.stores._sql.connections.faults import CROWDED, FAULTS, diagnose
from secretsource.stores._sql.connections.seats import Seats
from secretsource.stores._sql.rows.tables import KEYS, OWNERS, PLANS
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    import psycopg

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.connections.postgres import Server
    from secretsource.stores.base import KeyRecord

    class Lookup(Protocol):
        """A look-up of a record."""

        def get(self, key_id: str) -> KeyRecord | None:
            """Return the record of a key."""
            ...

        def revision(self, key_id: str) -> int | None:
            """Return the revision of its record."""
            ...

        def close(self) -> None:
            """Close its connections."""
            ...

        def forget(self) -> None:
            """Drop connections that belong to another process, without closing them."""
            ...


def query(*columns: str, beside: str = "", schema: str = "") -> str:
    """Return the query for columns of a key, its owner (``o``) and the owner's plan (``p``); its ``key_id`` follows.

    Args:
        columns: The columns of the answer.
        beside: An expression to ask for beside them.
        schema: The prefix of the names of the tables.
    """
    names = ", ".join(columns) + beside
    return (
        f"SELECT {names} FROM {schema}{KEYS.name} AS k"  # noqa: S608 - made of our own names
        f" LEFT JOIN {schema}{OWNERS.name} AS o ON o.id = k.owner"
        f" LEFT JOIN {schema}{PLANS.name} AS p ON p.id = o.plan"
        " WHERE k.key_id = "
    )


_TERMS = ("o.revision", "o.document", "p.revision", "p.document")
COLUMNS = (*(f'k."{column.name}"' for column in KEYS.c if not column.primary_key), *_TERMS)
"""All columns that the question does not contain."""
STAMP = ("k.revision", "o.revision", "p.revision")
RECORD, REVISION = query(*COLUMNS), query(*STAMP)
POSTGRESQL_RECORD, POSTGRESQL_REVISION = (f"{query(*columns, schema='{schema}')}%s" for columns in (COLUMNS, STAMP))
"""Templates; a `Server` knows the schema of the tables."""
MOST = 16
"""Greatest number of connections to PostgreSQL, of a process or of an event loop; further questions wait."""
ABANDONED: list[object] = []
"""Connections of a parent process: collecting one would speak to the server in the parent's name."""


class PostgresLookup:
    """A look-up that uses a free connection.

    Args:
        database: The store of records; it is opened before the first question.
        server: The server to ask instead of its own.
    """

    def __init__(self, database: Database, server: Server | None = None) -> None:
        self._database = database
        self._server = server or database.server
        self._patience = database.address.timeout
        self._seats = self._new_seats()

    def _new_seats(self) -> Seats[psycopg.Cursor[Any]]:
        return Seats(MOST, _close, lambda: self._database.failure(CROWDED))

    def forget(self) -> None:
        """Drop connections without closing them."""
        ABANDONED.append(self._seats)
        self._seats = self._new_seats()

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        row = self.ask(POSTGRESQL_RECORD, key_id)
        return None if row is None else to_record([key_id, *row])

    def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        row = self.ask(POSTGRESQL_REVISION, key_id)
        return None if row is None else to_stamp(*row)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        return self.get(key_id)

    def ask(self, query: str, key_id: str, *, once: bool = False) -> Any:
        """Return the row that a query finds.

        A stored connection may have been cut meanwhile; then all are dropped, and a new one is asked once.
        """
        seats = self._seats
        kept = seats.take(self._patience)
        cursor = good = None
        try:
            cursor = self._connect() if kept is None else kept
            cursor.execute(self._server.question(query), (key_id,), prepare=True)
            cursor.nextset()  # behind a pooler there are two answers
            row = cursor.fetchone()
            good = cursor
            return row
        except errors() as error:
            fault = diagnose(error)
        finally:
            if cursor is not None and cursor is not good:
                _close(cursor)
            seats.give(good)
        if kept is None or once or not fault.lost:
            raise self._database.failure(fault)
        self.close()
        return self.ask(query, key_id, once=True)

    def _connect(self) -> psycopg.Cursor[Any]:
        from psycopg import ClientCursor

        self._database.open()
        connection = self._server.connect(self._patience, autocommit=True)
        return ClientCursor(connection) if self._server.address.pooled else connection.cursor(binary=True)

    def close(self) -> None:
        """Close the connections, each as soon as it is free."""
        seats, self._seats = self._seats, self._new_seats()
        seats.close()


def _close(cursor: psycopg.Cursor[Any]) -> None:
    cursor.connection.close()


def errors() -> tuple[type[Exception], ...]:
    """Return the errors of a look-up in PostgreSQL; called only after one."""
    from psycopg import Error

    return (Error, *FAULTS)
