"""A server that is frozen, or has locked what is asked for, holds up nobody for longer than the URL says."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import select
from tests.servers.postgres import postgres
from tests.servers.wire import wire
from tests.stores.databases import PostgresDatabase

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores._sql.connections import timed
from secretsource.stores._sql.connections.schema import _CREATION_LOCK
from secretsource.stores._sql.rows.tables import KEYS
from secretsource.stores.base import KeyQuery
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sqlalchemy import Connection
    from tests.servers.postgres import Postgres

LIMIT = 20.0
"""Seconds after which a test gives up."""
TIMEOUT = 0.4
LATE = "gave no answer in time"
LOCK = select(KEYS.c.key_id).with_for_update()
"""What locks every key."""
LOAD = 15.0
"""Seconds by which a machine that has much to do may be late."""


@contextmanager
def bounded(seconds: float, words: str) -> Generator[None]:
    """What is asked fails with these words, in so many seconds."""
    began = monotonic()
    with pytest.raises(StoreError, match=words) as caught:
        yield
    assert monotonic() - began < seconds + LOAD
    assert caught.value.__context__ is None


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgres]:
    """A server that a test may freeze."""
    with postgres() as running:
        sql.migrate(running.url)
        yield running


@pytest.fixture
def store(fragile: Postgres) -> Iterator[sql.PostgresStore]:
    """A store with a connection of either kind, and one key."""
    PostgresDatabase(fragile.url)
    opened = sql.PostgresStore.open(f"{fragile.url}?timeout={TIMEOUT}&connect_timeout=2")
    opened.insert([new(1)])
    assert opened.get(record(1).key_id) == record(1)
    yield opened
    opened.close()


QUESTIONS: list[tuple[str, Callable[[sql.PostgresStore], object]]] = [
    ("get", lambda store: store.get(record(1).key_id)),
    ("revision", lambda store: store.revision(record(1).key_id)),
    ("list", lambda store: store.list(KeyQuery())),
    ("update", lambda store: store.update(changed(record(1), name="stored"))),
    ("rotate", lambda store: store.rotate(*rotated(record(1), 2))),
    ("insert", lambda store: store.insert([new(2)])),
]


@pytest.mark.parametrize(
    ("name", "ask"), [QUESTIONS[0], QUESTIONS[3]], ids=lambda given: given if isinstance(given, str) else ""
)
def test_a_frozen_server_is_given_up(
    fragile: Postgres, store: sql.PostgresStore, name: str, ask: Callable[[sql.PostgresStore], object]
) -> None:
    """Whatever is asked; a transaction may first see that its connection is dead, and try to have a new one."""
    look_up = name in ("get", "revision")
    fragile.freeze()
    try:
        with bounded(
            TIMEOUT + timed.GRACE + (0 if look_up else 2), LATE if look_up else "no answer in time|be reached"
        ):
            ask(store)
        with bounded(2, "be reached"):  # there is no connection left, and none to be had
            ask(store)
    finally:
        fragile.thaw()
    assert store.get(record(1).key_id) == record(1)
    ask(store)


async def test_a_frozen_server_is_given_up_by_a_loop(fragile: Postgres, store: sql.PostgresStore) -> None:
    """As by threads."""
    loop_store = sql.AsyncPostgresStore(store)
    assert await loop_store.get(record(1).key_id) == record(1)
    fragile.freeze()
    try:
        with bounded(TIMEOUT + timed.GRACE, LATE):
            await loop_store.get(record(1).key_id)
    finally:
        fragile.thaw()
    assert await loop_store.get(record(1).key_id) == record(1)
    await loop_store.close()


def test_a_network_that_swallows_answers_is_given_up(fragile: Postgres) -> None:
    """The connection is open, and what is said on it is heard; no answer comes back."""
    PostgresDatabase(fragile.url)
    with wire(fragile.port) as line:
        url = fragile.url.replace(f":{fragile.port}", f":{line.port}")
        with closing(sql.PostgresStore.open(f"{url}?timeout={TIMEOUT}&connect_timeout=2")) as store:
            store.insert([new(1)])
            assert store.get(record(1).key_id) == record(1)
            line.is_open.clear()
            with bounded(TIMEOUT + timed.GRACE, LATE):
                store.get(record(1).key_id)
            with bounded(TIMEOUT + timed.GRACE + 2, "no answer in time|be reached"):
                store.list(KeyQuery())
            line.is_open.set()
            gc.collect()  # psycopg leaves an attempt to connect that took too long to the collector
            assert store.get(record(1).key_id) == record(1)


@pytest.mark.parametrize(("name", "ask"), QUESTIONS, ids=lambda given: given if isinstance(given, str) else "")
def test_what_another_session_has_locked_is_not_waited_for(
    fragile: Postgres, store: sql.PostgresStore, name: str, ask: Callable[[sql.PostgresStore], object]
) -> None:
    """The server says itself what it waited for, and nothing was stored."""
    with psycopg.connect(fragile.url) as stranger:
        stranger.execute("LOCK TABLE secretsource_keys IN ACCESS EXCLUSIVE MODE")
        with bounded(TIMEOUT, "locked for too long"):
            ask(store)
    assert store.get(record(1).key_id) == record(1)
    ask(store)


def test_a_locked_row_is_read_and_not_changed(fragile: Postgres, store: sql.PostgresStore) -> None:
    """Another session holds it for update, as one that somebody forgot in a console does."""
    with psycopg.connect(fragile.url) as stranger:
        stranger.execute("SELECT FROM secretsource_keys FOR UPDATE")
        assert store.get(record(1).key_id) == record(1)
        with bounded(TIMEOUT, "locked for too long"):
            store.update(changed(record(1), name="stored"))


def test_a_pause_in_the_middle_of_a_change_keeps_nothing_locked(fragile: Postgres, store: sql.PostgresStore) -> None:
    """The server undoes a change that goes on no more, so that others can make theirs; it is then made anew."""
    paused, go_on = threading.Event(), threading.Event()
    attempts: list[int] = []

    def change(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(LOCK)
        paused.set()
        assert go_on.wait(LIMIT)
        connection.exec_driver_sql("SELECT 1")

    with closing(sql.PostgresStore.open(f"{fragile.url}?timeout=60")) as patient, ThreadPoolExecutor(1) as threads:
        changing = threads.submit(store.database.write, change)
        assert paused.wait(LIMIT)
        assert patient.update(changed(record(1), name="meanwhile"))
        go_on.set()
        changing.result(LIMIT)
    assert len(attempts) == 2


def test_a_migration_may_take_longer(fragile: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for another one past the timeout of its URL, and not without end."""
    url = f"{fragile.url}?timeout=0.1"
    with psycopg.connect(fragile.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATION_LOCK])
        monkeypatch.setattr("secretsource.stores._sql.connections.postgres.MIGRATING", 1.0)
        with bounded(1.0, "locked for too long"):
            sql.migrate(url)
        monkeypatch.undo()
        migrating = threading.Thread(target=sql.migrate, args=(url,))
        migrating.start()
        migrating.join(1.0)
        assert migrating.is_alive()
    migrating.join(30)
    assert not migrating.is_alive()
