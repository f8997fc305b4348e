"""A store that is closed while it is used: what has begun ends whole, and then no connection is left open."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.stores import sql

if TYPE_CHECKING:
    from pathlib import Path


class Work:
    """A transaction that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.done = False

    def __call__(self, connection: Any) -> None:
        connection.exec_driver_sql("SELECT 1")
        self.begun.set()
        assert self.go_on.wait(30)
        self.done = True


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> sql.SqlStore:
    """A store that has been opened."""
    url = f"sqlite:///{tmp_path}/keys.db" if request.param == "sqlite" else request.getfixturevalue("database_url")
    store = sql.SqlStore.open(url)
    store.database.open()
    return store


def connections(store: sql.SqlStore) -> Any:
    """The pool of connections that a store has now."""
    engine = store.database._engine
    assert engine is not None
    return engine.pool


def test_threads(store: sql.SqlStore) -> None:
    """The connection that a thread uses is closed when the thread is done with it."""
    work, pool = Work(), connections(store)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(store.database.read, work)
        assert work.begun.wait(30)
        store.close()
        work.go_on.set()
        working.result(30)
    assert work.done
    assert pool.checkedin() == 0


async def test_a_task_that_was_cancelled(store: sql.SqlStore) -> None:
    """Its transaction is waited for, while the event loop goes on, and what follows opens new connections."""
    tasks, work, pool = sql.AsyncSqlStore(store), Work(), connections(store)
    working = asyncio.ensure_future(tasks._in_thread(store.database.read, work))
    assert await asyncio.to_thread(work.begun.wait, 5)
    working.cancel()
    closing = asyncio.ensure_future(tasks.close())
    await asyncio.sleep(0)
    assert not closing.done()
    work.go_on.set()
    await closing
    assert work.done
    assert pool.checkedin() == 0
    assert await tasks.get("x") is None
    await tasks.close()
