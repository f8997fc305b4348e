"""Look-ups in a file of SQLite from an event loop: in the loop where that takes no time, else in a thread."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.stores import sql
from secretsource.stores._sql.lookups.sqlite_lookup import LoopLookup, SqliteLookup
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one key."""
    path = tmp_path / "keys.db"
    with closing(sql.SqlStore.open(f"sqlite:///{path}")) as store:
        store.insert([new(1)])
    return path


@pytest.fixture
async def store(file: Path) -> AsyncIterator[sql.AsyncSqlStore]:
    """A store that has been asked once."""
    opened = sql.AsyncSqlStore.open(f"sqlite:///{file}?timeout=20")
    assert await opened.get(record(1).key_id) == record(1)
    yield opened
    await opened.close()


@pytest.fixture
def asking(store: sql.AsyncSqlStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which the store was asked for a record or a revision from now on."""
    return noted(monkeypatch)


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    threads: list[str] = []
    ask = SqliteLookup._ask

    def note(self: SqliteLookup, query: str, key_id: str) -> object:
        threads.append(threading.current_thread().name)
        return ask(self, query, key_id)

    monkeypatch.setattr(SqliteLookup, "_ask", note)
    return threads


async def test_a_look_up_needs_no_thread(store: sql.AsyncSqlStore, asking: list[str]) -> None:
    """The loop reads the record, and its revision, itself."""
    assert await store.get(record(1).key_id) == await store.peek(record(1).key_id) == record(1)
    assert await store.revision(record(1).key_id) == record(1).revision
    assert await store.get(record(2).key_id) is await store.revision(record(2).key_id) is None
    assert set(asking) == {threading.current_thread().name}


async def test_the_loop_does_not_open_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look-up of all is made in a thread, because the tables are looked for, and may have to be made."""
    threads = noted(monkeypatch)
    store = sql.AsyncSqlStore.open(f"sqlite:///{file}")
    assert await store.get(record(1).key_id) == record(1)
    await store.close()
    assert [name.rpartition("_")[0] for name in threads] == ["secretsource-store"]


async def test_a_slow_disk_is_read_in_threads(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``lookups=threads`` in the URL, the loop never reads the file."""
    threads = noted(monkeypatch)
    store = sql.AsyncSqlStore.open(f"sqlite:///{file}?lookups=threads")
    for _ in range(3):
        assert await store.get(record(1).key_id) == record(1)
        assert await store.revision(record(1).key_id) == record(1).revision
    await store.close()
    assert {name.rpartition("_")[0] for name in threads} == {"secretsource-store"}


async def test_the_loop_does_not_wait_for_a_lock(store: sql.AsyncSqlStore) -> None:
    """Its own connection gives up at once, and a thread waits; see `test_a_look_up_that_fails_says_why`."""
    assert await store.get(record(1).key_id) == record(1)
    assert isinstance(store._lookup, LoopLookup)
    loop, thread = store._lookup._here._keep().connection, store._store.database.sqlite
    assert loop.execute("PRAGMA busy_timeout").fetchone() == (0,)
    assert thread is not None
    with closing(thread.connect()) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (20_000,)


async def test_a_look_up_that_fails_says_why(store: sql.AsyncSqlStore, file: Path) -> None:
    """What is wrong with the file is said by the thread that has tried again."""
    assert await store.get(record(1).key_id) == record(1)
    with closing(sqlite3.connect(file)) as stranger:
        stranger.execute("ALTER TABLE secretsource_keys RENAME TO others")
    for ask in (store.get, store.peek, store.revision):
        with pytest.raises(StoreError, match="secretsource keys migrate") as caught:
            await ask(record(1).key_id)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("option", ["lookups=fast", "lookups=loop&lookups=threads"])
def test_another_way_to_look_up_is_refused(option: str) -> None:
    """There are two."""
    with pytest.raises(ConfigurationError, match=r"lookups  of a key store's URL must be  loop  or  threads"):
        sql.SqlStore.open(f"sqlite:///keys.db?{option}")
