"""A primary and a hot standby: checks read from the standby within its bound, and work goes on after a failover."""

from __future__ import annotations

import threading
from contextlib import closing
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from tests.servers.postgres import pair
from tests.stores.databases import PostgresDatabase, do
from tests.waiting import wait_until

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, Status
from secretsource.stores import sql
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.postgres import Postgres

PEPPERS = ["a pepper of the tests, long enough"]


class Pair:
    """Both servers, and a store on them."""

    def __init__(self, primary: Postgres, standby: Postgres) -> None:
        self.primary, self.standby = primary, standby

    def url(self, lag: float) -> str:
        """A store whose checks read from the standby."""
        return f"{self.primary.url}?connect_timeout=2&read_lag={lag}&read_url={quote(self.standby.url, safe='')}"

    def catch_up(self) -> None:
        """Wait until the standby shows all that the primary has written, what reading writes included."""
        with psycopg.connect(self.primary.url) as primary, psycopg.connect(self.standby.url) as standby:
            written = primary.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
            assert written is not None
            wait_until(lambda: standby.execute("SELECT pg_last_wal_replay_lsn() >= %s", written).fetchone() == (True,))

    def pause(self) -> None:
        """Let the standby replay nothing more, once it shows all that was written before."""
        self.catch_up()
        do(self.standby.url, "SELECT pg_wal_replay_pause()")
        with closing(sql.PostgresStore.open(self.standby.url)) as store:
            wait_until(
                lambda: store.database.read(
                    lambda each: each.exec_driver_sql("SELECT pg_get_wal_replay_pause_state()").scalar() == "paused"
                )
            )

    def resume(self) -> None:
        """Let it replay."""
        do(self.standby.url, "SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def running() -> Iterator[Pair]:
    """Two servers for the tests that leave them up."""
    with pair() as (primary, standby):
        version = sql.migrate(primary.url)
        wait_until(lambda: sql.current_revision(standby.url) == version)
        yield Pair(primary, standby)


@pytest.fixture
def servers(running: Pair) -> Iterator[Pair]:
    """The same, with one key that both have."""
    PostgresDatabase(running.primary.url)
    with closing(sql.PostgresStore.open(running.primary.url)) as store:
        store.insert([new(1)])
    with closing(sql.PostgresStore.open(running.standby.url)) as store:
        wait_until(lambda: store.get(record(1).key_id))
    yield running
    running.resume()


def test_checks_read_from_the_standby(servers: Pair) -> None:
    """As late as its bound allows; whatever is changed, or has to be fresh, is read from the primary."""
    with closing(sql.PostgresStore.open(servers.url(60))) as store:
        assert store.peek(record(1).key_id) == record(1)
        servers.pause()
        change = changed(record(1), name="changed")
        assert store.update(change)
        assert store.peek(record(1).key_id) == record(1)
        assert store.revision(record(1).key_id) == 1
        assert store.get(record(1).key_id) == change.record
        store.insert([new(2)])
        assert store.peek(record(2).key_id) == record(2)


def test_a_standby_that_lags_behind_is_not_asked_past_its_bound(servers: Pair) -> None:
    """However far behind it is."""
    with closing(sql.PostgresStore.open(servers.url(0.2))) as store:
        assert store.peek(record(1).key_id) == record(1)
        servers.pause()
        change = changed(record(1), name="changed")
        assert store.update(change)
        sleep(0.2)  # the bound itself
        for _ in range(20):
            assert store.peek(record(1).key_id) == change.record
            assert store.revision(record(1).key_id) == 2


async def test_a_loop_reads_from_the_standby(servers: Pair) -> None:
    """As threads do."""
    store = sql.AsyncPostgresStore.open(servers.url(60))
    assert await store.peek(record(1).key_id) == await store.peek(record(1).key_id) == record(1)
    servers.pause()
    change = changed(record(1), name="changed")
    assert await store.update(change)
    assert await store.peek(record(1).key_id) == record(1)
    assert await store.revision(record(1).key_id) == 1
    assert await store.get(record(1).key_id) == change.record
    await store.close()


def test_a_fresh_check_reads_from_the_primary(servers: Pair) -> None:
    """And so does whoever changes a key, so that a revocation here is in force here at once."""
    with ApiKeys.open(servers.url(60), peppers=PEPPERS, ttl=0) as keys:
        issued, other = keys.issue(owner="acme"), keys.issue(owner="acme")
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        with closing(sql.PostgresStore.open(servers.standby.url)) as store:
            wait_until(lambda: store.get(other.record.key_id))
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        servers.pause()
        assert keys.revoke(issued.record.key_id).status is Status.REVOKED
        assert not keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
        successor = keys.rotate(other.record.key_id, overlap=0)
        assert successor.plaintext is not None
        assert keys.check(successor.plaintext, scope=NO_SCOPE)


def test_a_standby_takes_no_changes(servers: Pair) -> None:
    """The sentence says where to go."""
    with (
        closing(sql.PostgresStore.open(servers.standby.url)) as store,
        pytest.raises(StoreError, match="target_session_attrs=read-write"),
    ):
        store.insert([new(9)])


def both(primary: Postgres, standby: Postgres) -> str:
    """A URL with both servers, of which the one that takes changes is meant; the other is tried first."""
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    url = primary.url.replace(f"127.0.0.1:{primary.port}", hosts)
    return f"{url}?target_session_attrs=read-write&connect_timeout=2"


def connection_of(store: sql.AsyncPostgresStore) -> psycopg.AsyncConnection[Any]:
    """What the running loop looks up on."""
    seats = store._lookup._seats()
    cursor = seats.get_nowait()
    seats.put_nowait(cursor)
    assert cursor is not None
    return cursor.connection


async def test_a_primary_that_takes_no_more_changes_is_left() -> None:
    """Its connections stay open, so they are given up, and the change is made where changes are taken now."""
    with pair() as (primary, standby):
        sql.migrate(both(primary, standby))
        with closing(sql.PostgresStore.open(both(primary, standby))) as store:
            store.insert([new(1)])
            wait_until(lambda: sql.current_revision(standby.url))
            with closing(sql.PostgresStore.open(standby.url)) as follower:
                wait_until(lambda: follower.get(record(1).key_id))
            loop_store = sql.AsyncPostgresStore(store)
            assert store.get(record(1).key_id) == await loop_store.get(record(1).key_id) == record(1)
            kept = connection_of(loop_store)
            standby.promote()
            do(primary.url, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
            with closing(sql.PostgresStore.open(primary.url)) as demoted:
                wait_until(
                    lambda: demoted.database.read(
                        lambda each: each.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
                    )
                )
            change = changed(record(1), name="changed")
            assert store.update(change)
            assert store.get(record(1).key_id) == change.record  # and no look-up is asked of the old one
            assert await loop_store.get(record(1).key_id) == change.record
            assert kept.closed
            await loop_store.close()
        with closing(sql.PostgresStore.open(standby.url)) as promoted:
            assert promoted.get(record(1).key_id) == change.record


class Load:
    """Threads that issue keys, and revoke every other one, whatever the store says meanwhile.

    Args:
        keys: What they work with.

    Attributes:
        issued: Keys that were handed out.
        revoked: Those of them whose revocation was confirmed.
    """

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(4)]
        self.issued: list[str] = []
        self.revoked: set[str] = set()

    def begin(self) -> None:
        """Start."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop when what has begun is done."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            key = self._insist(lambda: self._keys.issue(owner="acme"))
            self.issued.append(key.plaintext)
            if len(self.issued) % 2:
                self._insist(lambda key=key: self._keys.revoke(key.record.key_id))  # type: ignore[misc]
                self.revoked.add(key.plaintext)

    def _insist(self, ask: Callable[[], Any]) -> Any:
        while True:
            try:
                return ask()
            except StoreError:
                sleep(0.05)


def test_nothing_confirmed_is_lost_in_a_failover(capsys: pytest.CaptureFixture[str]) -> None:
    """The primary dies under load and the standby is promoted: the same objects go on, as soon as it takes changes."""
    with pair(synchronous_commit="on", synchronous_standby_names="*") as (primary, standby):
        url = both(primary, standby)
        sql.migrate(url)
        with ApiKeys.open(url, peppers=PEPPERS, ttl=0) as keys:
            load = Load(keys)
            load.begin()
            wait_until(lambda: len(load.issued) > 50)
            wait_until(lambda: keys.check(load.issued[1], scope=NO_SCOPE))
            primary.kill()
            standby.promote()
            before, began = len(load.issued), monotonic()
            wait_until(lambda: len(load.issued) > before + 4)  # more than may have been under way
            taken = monotonic() - began
            wait_until(lambda: len(load.issued) > before + 50)
            load.end()
            lost = [
                text
                for text in load.issued
                if bool(keys.check(text, scope=NO_SCOPE, fresh=True)) is (text in load.revoked)
            ]
            assert lost == []
            wait_until(lambda: keys.health().hears)
        primary.start()  # so that it can be stopped
    with capsys.disabled():
        print(f"\nfailover: changes go on {taken:.2f} s after the promotion; {len(load.issued)} confirmed, 0 lost")
