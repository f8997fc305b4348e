"""The same as `hot`, for event loops: each has connections of its own to PostgreSQL."""

from __future__ import annotations

import weakref
from asyncio import LifoQueue, create_task, get_running_loop, timeout, to_thread
from contextlib import suppress

from secretsource.stores._sql.connections.faults import CROWDED, diagnose
from secretsource.stores._sql.lookups.hot import ABANDONED, MOST, POSTGRESQL_RECORD, POSTGRESQL_REVISION, errors
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from typing import Any, Protocol, TypeAlias

    import psycopg

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.connections.postgres import Server
    from secretsource.stores.base import KeyRecord

    class AsyncLookup(Protocol):
        """As `Lookup`, for event loops; and, where there is a replica, a way to a record that may be late."""

        async def get(self, key_id: str) -> KeyRecord | None:
            """Return the record of a key."""
            ...

        async def peek(self, key_id: str) -> KeyRecord | None:
            """Return the record of a key for a check."""
            ...

        async def revision(self, key_id: str) -> int | None:
            """Return the revision of its record."""
            ...

        async def close(self) -> None:
            """Close its connections."""
            ...

        def forget(self) -> None:
            """Let go of connections that belong to another process, without closing them."""
            ...

    AsyncSeats: TypeAlias = LifoQueue[psycopg.AsyncCursor[Any] | None]
    """The same as `Seats`, for one event loop."""


class AsyncPostgresLookup:
    """The same as `PostgresLookup`, for event loops: each has its own connections."""

    def __init__(self, database: Database, server: Server | None = None) -> None:
        self._database = database
        self._server = server or database.server
        self._patience = database.address.timeout
        self._by_loop: weakref.WeakKeyDictionary[AbstractEventLoop, AsyncSeats] = weakref.WeakKeyDictionary()

    def forget(self) -> None:
        """Drop connections without closing them."""
        ABANDONED.append(list(self._by_loop.values()))
        self._by_loop = weakref.WeakKeyDictionary()

    def leave(self) -> None:
        """Give up the connections of all loops, from any thread: each loop closes its own."""
        left, self._by_loop = self._by_loop, weakref.WeakKeyDictionary()
        for loop, seats in list(left.items()):
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(_begin_to_clear, seats)

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        row = await self.ask(POSTGRESQL_RECORD, key_id)
        return None if row is None else to_record([key_id, *row])

    async def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        row = await self.ask(POSTGRESQL_REVISION, key_id)
        return None if row is None else to_stamp(*row)

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        return await self.get(key_id)

    async def ask(self, query: str, key_id: str, *, once: bool = False) -> Any:
        """Return the row that a query finds; as in `PostgresLookup`."""
        seats = self._seats()
        kept = await self._taken(seats)
        cursor = good = None
        try:
            cursor = await self._connect() if kept is None else kept
            await cursor.execute(self._server.question(query), (key_id,), prepare=True)
            cursor.nextset()
            row = await cursor.fetchone()
            good = cursor
            return row
        except errors() as error:
            fault = diagnose(error)
        finally:
            seats.put_nowait(good)
            # Also after a cancellation, when an answer may still be on its way.
            if cursor is not None and cursor is not good:
                await cursor.connection.close()
            if self._by_loop.get(get_running_loop()) is not seats:  # the store was closed meanwhile
                await _clear(seats)
        if kept is None or once or not fault.lost:
            raise self._database.failure(fault)
        await self.close()
        return await self.ask(query, key_id, once=True)

    async def _taken(self, seats: AsyncSeats) -> psycopg.AsyncCursor[Any] | None:
        if not seats.empty():
            return seats.get_nowait()
        patience = timeout(self._patience)
        try:
            async with patience:
                return await seats.get()
        except TimeoutError:
            pass
        raise self._database.failure(CROWDED)

    def _seats(self) -> AsyncSeats:
        running = get_running_loop()
        seats = self._by_loop.get(running)
        if seats is None:
            seats = self._by_loop[running] = LifoQueue()
            for _ in range(MOST):
                seats.put_nowait(None)
        return seats

    async def _connect(self) -> psycopg.AsyncCursor[Any]:
        from psycopg import AsyncClientCursor

        await to_thread(self._database.open)
        connection = await self._server.aconnect(self._patience)
        return AsyncClientCursor(connection) if self._server.address.pooled else connection.cursor(binary=True)

    async def close(self) -> None:
        """Close the connections of this loop, each as soon as it is free."""
        seats = self._by_loop.pop(get_running_loop(), None)
        if seats is not None:
            await _clear(seats)


_CLEARING: set[Task[None]] = set()


def _begin_to_clear(seats: AsyncSeats) -> None:
    task = create_task(_clear(seats))
    _CLEARING.add(task)  # an event loop holds its tasks weakly
    task.add_done_callback(_CLEARING.discard)


async def _clear(seats: AsyncSeats) -> None:
    """Close the connections in free seats."""
    cursors = [seats.get_nowait() for _ in range(seats.qsize())]
    for _ in cursors:
        seats.put_nowait(None)
    for cursor in filter(None, cursors):
        await cursor.connection.close()
