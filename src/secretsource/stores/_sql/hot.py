"""The two look-ups of uncached checks, straight to the driver: statements by primary key, prepared once.

This is the only place that goes past SQLAlchemy, whose compiling, pooling and row objects cost more than SQLite needs
for the whole look-up. Each thread keeps its own connection to an SQLite file; those to PostgreSQL are kept in a stack,
so that there are as many as there were look-ups at once.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import NamedTuple

from secretsource.stores._sql import transactions
from secretsource.stores._sql.faults import CROWDED, FAULTS, diagnose
from secretsource.stores._sql.statements import to_record
from secretsource.stores._sql.tables import KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable
    from typing import Any, Protocol

    import psycopg

    from secretsource.stores._sql.database import Database
    from secretsource.stores.base import KeyRecord

    class Lookup(Protocol):
        """A way to a record."""

        def get(self, key_id: str) -> KeyRecord | None:
            """The record of a key."""
            ...

        def revision(self, key_id: str) -> int | None:
            """The revision of its record."""
            ...

        def close(self) -> None:
            """Close its connections."""
            ...

        def forget(self) -> None:
            """Let go of connections that belong to another process, without closing them."""
            ...


def _query(*columns: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {names} FROM {KEYS.name} WHERE key_id = "  # noqa: S608 - made of our own names


RECORD, REVISION = _query(*(column.name for column in KEYS.c)), _query("revision")
SQLITE_RECORD, SQLITE_REVISION = f"{RECORD}?", f"{REVISION}?"
POSTGRESQL_RECORD, POSTGRESQL_REVISION = f"{RECORD}%s".encode(), f"{REVISION}%s".encode()
MOST = 16
"""Connections to PostgreSQL at once, of a process or of an event loop; who finds all of them taken waits for one."""
_PATIENCE = 10.0
"""Longest time to wait for one, in seconds."""
_ABANDONED: list[object] = []
"""Connections of a parent process: to collect one would be to speak to the server in the parent's name."""


class SharedLookup:
    """Asks for a record on the one connection there is: that of a database in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        return self._database.read(lambda connection: transactions.get(connection, key_id))

    def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        record = self.get(key_id)
        return None if record is None else record.revision

    def close(self) -> None:
        """Nothing of its own is open."""

    def forget(self) -> None:
        """Nothing of its own is open."""


class _Kept:
    """A thread's own connection to an SQLite file, closed when the thread or the store ends."""

    __slots__ = ("__weakref__", "connection", "execute")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute: Callable[[str, tuple[str]], Any] = connection.cursor().execute

    def __del__(self) -> None:
        self.connection.close()


class SqliteLookup:
    """Asks for a record on the thread's own connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.forget()

    def forget(self) -> None:
        """Let go of connections without closing them."""
        _ABANDONED.extend(getattr(self, "_all", ()))
        self._local = threading.local()
        self._all: weakref.WeakSet[_Kept] = weakref.WeakSet()

    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        row = self._ask(SQLITE_RECORD, key_id)
        return None if row is None else to_record(row)

    def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        row = self._ask(SQLITE_REVISION, key_id)
        return None if row is None else row[0]

    def _ask(self, query: str, key_id: str) -> Any:
        kept: _Kept | None = getattr(self._local, "kept", None)
        try:
            if kept is None:
                kept = self._keep()
            return kept.execute(query, (key_id,)).fetchone()
        except FAULTS as error:
            fault = diagnose(error)
        raise self._database.failure(fault)

    def _keep(self) -> _Kept:
        self._database.open()
        kept = _Kept(self._database.connect_sqlite())
        self._local.kept = kept
        self._all.add(kept)
        return kept

    def close(self) -> None:
        """Close the connections of all threads; one that is in use, as soon as it no longer is."""
        self._local = threading.local()


class PostgresLookup:
    """Asks for a record on a connection that nobody uses at the moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[psycopg.Cursor[Any]] = deque()
        self._turns = threading.BoundedSemaphore(MOST)

    def forget(self) -> None:
        """Let go of connections without closing them."""
        _ABANDONED.append(self._idle)
        self._idle = deque()
        self._turns = threading.BoundedSemaphore(MOST)

    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        row = self._ask(POSTGRESQL_RECORD, key_id)
        return None if row is None else to_record(row)

    def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        row = self._ask(POSTGRESQL_REVISION, key_id)
        return None if row is None else row[0]

    def _ask(self, query: bytes, key_id: str) -> Any:
        turns = self._turns
        if not turns.acquire(timeout=_PATIENCE):
            raise self._database.failure(CROWDED)
        try:
            return self._row(query, key_id)
        finally:
            turns.release()

    def _row(self, query: bytes, key_id: str) -> Any:
        """The row that a query finds.

        A connection that was kept may have been cut meanwhile; then all are dropped, and a new one is asked once.
        """
        from psycopg import Error

        while True:
            cursor = self._idle.pop() if self._idle else None
            kept = cursor is not None
            try:
                cursor = cursor or self._connect()
                row = cursor.execute(query, (key_id,), prepare=True).fetchone()
            except (Error, *FAULTS) as error:
                fault = diagnose(error)
            else:
                self._idle.append(cursor)
                return row
            if cursor is not None:
                cursor.connection.close()
            if not (kept and fault.lost):
                break
            self.close()
        raise self._database.failure(fault)

    def _connect(self) -> psycopg.Cursor[Any]:
        import psycopg

        self._database.open()
        connection = psycopg.connect(**self._database.driver_arguments(), autocommit=True)
        return connection.cursor(binary=True)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().connection.close()


class _Loop(NamedTuple):
    """What an event loop has: the connections that nobody uses, and a turn for each that somebody may."""

    idle: deque[psycopg.AsyncCursor[Any]]
    turns: asyncio.Semaphore


class AsyncPostgresLookup:
    """As `PostgresLookup`, for event loops: each has connections of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = weakref.WeakKeyDictionary()

    def forget(self) -> None:
        """Let go of connections without closing them."""
        _ABANDONED.append(list(self._by_loop.values()))
        self._by_loop = weakref.WeakKeyDictionary()

    async def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        row = await self._ask(POSTGRESQL_RECORD, key_id)
        return None if row is None else to_record(row)

    async def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        row = await self._ask(POSTGRESQL_REVISION, key_id)
        return None if row is None else row[0]

    async def _ask(self, query: bytes, key_id: str) -> Any:
        from asyncio import timeout

        loop = self._loop()
        patience = timeout(_PATIENCE)
        try:
            async with patience:
                await loop.turns.acquire()
        except TimeoutError:
            pass
        if patience.expired():
            raise self._database.failure(CROWDED)
        try:
            return await self._found(loop.idle, query, key_id)
        finally:
            loop.turns.release()

    async def _found(self, idle: deque[psycopg.AsyncCursor[Any]], query: bytes, key_id: str) -> Any:
        """The row that a query finds; as in `PostgresLookup`."""
        from psycopg import Error

        while True:
            cursor = idle.pop() if idle else None
            kept = cursor is not None
            try:
                cursor = cursor or await self._connect()
                row = await self._row(cursor, query, key_id)
            except (Error, *FAULTS) as error:
                fault = diagnose(error)
            else:
                idle.append(cursor)
                return row
            if not (kept and fault.lost):
                break
            await self.close()
        raise self._database.failure(fault)

    def _loop(self) -> _Loop:
        from asyncio import Semaphore, get_running_loop

        running = get_running_loop()
        known = self._by_loop.get(running)
        if known is None:
            known = self._by_loop[running] = _Loop(deque(), Semaphore(MOST))
        return known

    async def _connect(self) -> psycopg.AsyncCursor[Any]:
        import asyncio

        import psycopg

        await asyncio.to_thread(self._database.open)
        connection = await psycopg.AsyncConnection.connect(**self._database.driver_arguments(), autocommit=True)
        return connection.cursor(binary=True)

    @staticmethod
    async def _row(cursor: psycopg.AsyncCursor[Any], query: bytes, key_id: str) -> Any:
        try:
            return await (await cursor.execute(query, (key_id,), prepare=True)).fetchone()
        except BaseException:  # also a cancellation, after which an answer may still be on its way
            await cursor.connection.close()
            raise

    async def close(self) -> None:
        """Close the connections of this loop that nobody uses."""
        idle = self._loop().idle
        while idle:
            await idle.pop().connection.close()
