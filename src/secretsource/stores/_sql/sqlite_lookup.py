"""The two look-ups of uncached checks in SQLite: statements by primary key, prepared once, straight to the driver.

Each thread keeps its own connection to a file.
"""

from __future__ import annotations

import threading

from secretsource.stores._sql import transactions
from secretsource.stores._sql.faults import FAULTS, diagnose
from secretsource.stores._sql.hot import RECORD, REVISION
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from secretsource._turns import Turn
    from secretsource.stores._sql.database import Database
    from secretsource.stores._sql.sqlite_file import SqliteConnection, SqliteFile
    from secretsource.stores.base import KeyRecord

SQLITE_RECORD, SQLITE_REVISION = f"{RECORD}?", f"{REVISION}?"


class SharedLookup:
    """A look-up on the only connection to a database in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        return self._database.read(lambda connection: transactions.get(connection, key_id))

    def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        record = self.get(key_id)
        return None if record is None else record.stamp

    def close(self) -> None:
        """Do nothing: it has no connection of its own."""

    def forget(self) -> None:
        """Do nothing: it has no connection of its own."""


class _Kept:
    """A thread's own connection to an SQLite file, closed when the thread or the store ends."""

    __slots__ = ("connection", "execute", "turn")

    def __init__(self, connection: SqliteConnection, turn: Turn) -> None:
        self.connection = connection
        self.execute: Callable[[str, tuple[str]], Any] = connection.cursor().execute
        self.turn = turn

    def __del__(self) -> None:
        self.connection.close()


class SqliteLookup:
    """A look-up on the thread's own connection.

    Args:
        database: The whole database.
        file: The maker of connections.
        waits: Whether a look-up waits for a lock; one that holds up an event loop must not.
    """

    def __init__(self, database: Database, file: SqliteFile, *, waits: bool = True) -> None:
        self._database = database
        self._file = file
        self._waits = waits
        self.forget()

    def forget(self) -> None:
        """Start anew in a forked child, where every connection is closed or the parent's."""
        self._local = threading.local()

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        row = self._ask(SQLITE_RECORD, key_id)
        return None if row is None else to_record([key_id, *row])

    def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        row = self._ask(SQLITE_REVISION, key_id)
        return None if row is None else to_stamp(*row)

    def _ask(self, query: str, key_id: str) -> Any:
        kept: _Kept | None = getattr(self._local, "kept", None)
        try:
            if kept is None:
                kept = self._keep()
            with kept.turn:
                if not kept.connection.is_open:  # there was a fork in between
                    kept = self._keep()
                return kept.execute(query, (key_id,)).fetchone()
        except FAULTS as error:
            fault = diagnose(error)
        raise self._database.failure(fault)

    def _keep(self) -> _Kept:
        turn = self._file.turns.mine()
        with turn:
            self._database.open()
            connection = self._file.connect()
            if not self._waits:
                connection.execute("PRAGMA busy_timeout = 0")
            kept = self._local.kept = _Kept(connection, turn)
        return kept

    def close(self) -> None:
        """Close the connections of all threads, each as soon as it is free."""
        self._local = threading.local()
