"""The two look-ups of uncached checks in SQLite: statements by primary key, prepared once, straight to the driver.

Each thread keeps its own connection to a file. An event loop looks up in its own thread, because a reader in WAL mode
waits for nobody.
"""

from __future__ import annotations

import threading
from time import monotonic

from secretsource.exceptions import StoreError
from secretsource.stores._sql import transactions
from secretsource.stores._sql.connections.faults import FAULTS, diagnose
from secretsource.stores._sql.lookups.hot import RECORD, REVISION
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from secretsource._ground.turns import Turn
    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.connections.sqlite_file import SqliteConnection, SqliteFile
    from secretsource.stores.base import KeyRecord, KeyStore

SQLITE_RECORD, SQLITE_REVISION = f"{RECORD}?", f"{REVISION}?"
LOOKED_EVERY = 0.05
"""Seconds between two looks of a thread whether its file is still at the path; one costs a tenth of a look-up."""


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

    __slots__ = ("connection", "execute", "turn", "until")

    def __init__(self, connection: SqliteConnection, turn: Turn) -> None:
        self.connection = connection
        self.execute: Callable[[str, tuple[str]], Any] = connection.cursor().execute
        self.turn = turn
        self.until = monotonic() + LOOKED_EVERY

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

    peek = get

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
                if not kept.connection.is_open or monotonic() >= kept.until:
                    kept = self._renewed(kept)
                return kept.execute(query, (key_id,)).fetchone()
        except FAULTS as error:
            fault = diagnose(error)
        raise self._database.failure(fault)

    def _renewed(self, kept: _Kept) -> _Kept:
        """Return another connection if there was a fork in between, or the file was replaced."""
        if kept.connection.is_current():
            kept.until = monotonic() + LOOKED_EVERY
            return kept
        return self._keep()

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


class ThreadedLookup:
    """A look-up in a thread, for event loops.

    Args:
        store: The store for threads.
        aside: Calls a function with its arguments in a thread.
    """

    def __init__(self, store: KeyStore, aside: Callable[..., Awaitable[Any]]) -> None:
        self._store = store
        self._aside = aside

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        record: KeyRecord | None = await self._aside(self._store.get, key_id)
        return record

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Return the same as `get`."""
        return await self.get(key_id)

    async def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        revision: int | None = await self._aside(self._store.revision, key_id)
        return revision

    async def close(self) -> None:
        """Do nothing: it has no connection of its own."""

    def forget(self) -> None:
        """Do nothing: it has no connection of its own."""


class LoopLookup:
    """A look-up in the event loop itself, and in a thread where it has to wait.

    Args:
        database: The whole of it.
        file: Where connections are opened.
        threaded: How a thread asks: the first time of all, and again what fails here, for it can wait for a lock.
    """

    def __init__(self, database: Database, file: SqliteFile, threaded: ThreadedLookup) -> None:
        self._database = database
        self._here = SqliteLookup(database, file, waits=False)
        self._threaded = threaded

    @property
    def here(self) -> SqliteLookup | None:
        """The look-up in this thread, once the database is open; it raises `StoreError` where it would wait."""
        return self._here if self._database.is_open else None

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        here = self.here
        if here is not None:
            try:
                return here.get(key_id)
            except StoreError:
                pass
        return await self._threaded.get(key_id)

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Return the same as `get`."""
        return await self.get(key_id)

    async def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        here = self.here
        if here is not None:
            try:
                return here.revision(key_id)
            except StoreError:
                pass
        return await self._threaded.revision(key_id)

    async def close(self) -> None:
        """Close the connections of all loops."""
        self._here.close()

    def forget(self) -> None:
        """Start again in a forked child."""
        self._here.forget()
