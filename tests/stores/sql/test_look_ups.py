"""The connections that look-ups in PostgreSQL keep: cut, crowded, closed, inherited."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from tests.stores.databases import PostgresDatabase, do

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores._sql.connections.seats import Seats
from secretsource.stores._sql.lookups.hot import MOST
from secretsource.testing._stores.samples import new, record


def test_look_ups_outlive_a_restart(postgres_database: PostgresDatabase, postgres_store: sql.PostgresStore) -> None:
    """A connection that was cut while nobody used it is replaced without a word; so are all kept ones."""
    postgres_store.insert([new(1)])
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        postgres_store.get(record(1).key_id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(2):
        cut_all(postgres_database.url)
        assert postgres_store.get(record(1).key_id) == record(1)
        assert postgres_store.count_by_pepper(1000.0) == {"01234567": 1}


async def test_look_ups_of_a_loop_outlive_a_restart(postgres_database: PostgresDatabase) -> None:
    """As those of threads do; a cancelled one leaves no answer behind for the next."""
    store = sql.AsyncPostgresStore.open(postgres_database.url)
    await store.insert([new(1), new(2)])
    many = await asyncio.gather(*(store.get(record(1).key_id) for _ in range(MOST + 2)))
    assert many == [record(1)] * (MOST + 2)
    await asyncio.to_thread(cut_all, postgres_database.url)
    assert await store.get(record(2).key_id) == record(2)
    for _ in range(3):
        cancelled = asyncio.ensure_future(store.get(record(1).key_id))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await store.get(record(2).key_id) == record(2)
    await store.close()


def cut_all(url: str) -> None:
    """Cut every connection to a server but this one."""
    do(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_no_more_look_ups_at_once_than_connections(postgres_store: sql.PostgresStore) -> None:
    """Whoever comes when all are taken waits for one, so a herd does not use up the server's connections."""
    postgres_store.insert([new(1)])
    connect: Any = postgres_store._lookup._connect  # type: ignore[attr-defined]
    all_taken = threading.Barrier(MOST + 1)
    connected: list[object] = []

    def connect_together() -> Any:
        cursor = connect()
        connected.append(cursor)
        all_taken.wait(30)
        return cursor

    postgres_store._lookup._connect = connect_together  # type: ignore[method-assign]
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(postgres_store.get(record(1).key_id))) for _ in range(3 * MOST)
    ]
    for thread in threads:
        thread.start()
    all_taken.wait(30)
    for thread in threads:
        thread.join()
    assert answers == [record(1)] * 3 * MOST
    assert len(connected) == MOST


async def test_a_herd_of_tasks_shares_the_connections_of_its_loop(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As threads do; and who has waited too long for one is told what is the matter."""
    store = sql.AsyncPostgresStore.open(postgres_database.url)
    await store.insert([new(1)])
    connected: list[object] = []
    connect = store._lookup._connect

    async def count() -> Any:
        cursor = await connect()
        connected.append(cursor)
        return cursor

    monkeypatch.setattr(store._lookup, "_connect", count)
    found = await asyncio.gather(*(store.get(record(1).key_id) for _ in range(10 * MOST)))
    assert found == [record(1)] * 10 * MOST
    assert len(connected) <= MOST
    monkeypatch.setattr(store._lookup, "_patience", 0.01)
    seats = store._lookup._seats()
    taken = [await seats.get() for _ in range(MOST)]
    with pytest.raises(StoreError, match="no connection free"):
        await store.get(record(1).key_id)
    for cursor in taken:
        seats.put_nowait(cursor)
    await store.close()


async def test_a_look_up_that_ends_after_the_store_was_closed_keeps_nothing(
    postgres_database: PostgresDatabase,
) -> None:
    """It is answered, and its connection is closed, because nobody would close it later."""
    store = sql.AsyncPostgresStore.open(postgres_database.url)
    await store.insert([new(1)])
    assert await store.get(record(1).key_id) == record(1)
    asked = [asyncio.ensure_future(store.get(record(1).key_id)) for _ in range(3)]
    await asyncio.sleep(0)
    seats = store._lookup._seats()
    await store.close()
    assert await asyncio.gather(*asked) == [record(1)] * 3
    assert [seats.get_nowait() for _ in range(MOST)] == [None] * MOST
    await store.close()


def test_a_thread_does_not_wait_for_ever(postgres_store: sql.PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """All connections are taken, and none is given back: that is an error, and no hanging request."""
    monkeypatch.setattr(postgres_store._lookup, "_patience", 0.01)
    seats: Seats[Any] = postgres_store._lookup._seats  # type: ignore[attr-defined]
    taken = [seats.take(0) for _ in range(MOST)]
    with pytest.raises(StoreError, match="no connection free"):
        postgres_store.get(record(1).key_id)
    for cursor in taken:
        seats.give(cursor)
    assert postgres_store.get(record(1).key_id) is None


async def test_a_loop_lets_go_of_what_another_process_opened(postgres_database: PostgresDatabase) -> None:
    """It is neither used nor closed, and asked anew."""
    store = sql.AsyncPostgresStore.open(postgres_database.url)
    await store.insert([new(1)])
    assert await store.get(record(1).key_id) == record(1)
    inherited = store._lookup._seats().get_nowait()
    assert inherited is not None
    store._store.database.after_fork()
    assert await store.get(record(1).key_id) == record(1)
    assert not inherited.connection.closed
    await inherited.connection.close()
    await store.close()


async def test_look_ups_that_fail_say_why(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a connection that was kept, and when a new one cannot be had any more."""
    store = sql.PostgresStore.open(postgres_database.url)
    loop_store = sql.AsyncPostgresStore(store)
    assert await loop_store.get("x") is store.get("x") is None
    do(postgres_database.url, "ALTER TABLE secretsource_keys RENAME TO away")
    try:
        with pytest.raises(StoreError, match="secretsource keys migrate"):
            store.get("x")
        with pytest.raises(StoreError, match="secretsource keys migrate"):
            await loop_store.get("x")
    finally:
        do(postgres_database.url, "ALTER TABLE away RENAME TO secretsource_keys")
    monkeypatch.setattr(store.database.server, "_arguments", lambda: {"host": "127.0.0.1", "port": 1})
    with pytest.raises(StoreError, match="cannot be reached"):
        store.get("x")
    with pytest.raises(StoreError, match="cannot be reached"):
        await loop_store.get("x")
    await loop_store.close()
