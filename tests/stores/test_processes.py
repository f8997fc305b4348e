"""Several processes on one database: who writes, who dies in the middle, who forks, and who is told."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from tests.forks import begun, ended, needs_fork
from tests.stores.child import PEPPER
from tests.stores.databases import PostgresDatabase, do

from secretsource.exceptions import PlanExceeded
from secretsource.issuing import ApiKeys
from secretsource.stores import sql
from secretsource.stores._registry import open_store
from secretsource.stores._sql.rows.tables import KEYS
from secretsource.stores.base import ChangeFeed, KeyChange, KeyQuery
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from secretsource.stores.base import KeyStore

TREE = Path(__file__).parents[2]
ROUNDS = 20
LOCK = select(KEYS.c.key_id).with_for_update()
"""What locks every key."""
ISSUERS, OWNERS = 8, 12


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with empty tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'keys.db'}"
    return PostgresDatabase(request.getfixturevalue("database_url")).url


@pytest.fixture
def store(url: str) -> Iterator[KeyStore]:
    """A store of this process."""
    opened = open_store(url)
    yield opened
    opened.close()


def start(*arguments: str) -> subprocess.Popen[str]:
    """Run `tests.stores.child`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.child", *arguments],
        cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(child: subprocess.Popen[str]) -> int:
    """Wait for a child."""
    child.communicate(timeout=30)
    return child.returncode


def test_processes_lose_no_update(url: str, store: KeyStore) -> None:
    """Two processes that add to one record many times add up, with an event each time."""
    store.insert([new(1, metadata={"sum": 0})])
    children = [start("add", url, str(ROUNDS)) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    assert [finish(child) for child in children] == [0, 0]
    final = store.get(record(1).key_id)
    assert final is not None
    assert (final.metadata["sum"], final.revision) == (2 * ROUNDS, 2 * ROUNDS + 1)
    assert len(store.events(record(1).key_id)) == 2 * ROUNDS + 1


def test_issuers_that_race_make_no_key_too_many(url: str, store: KeyStore) -> None:
    """Eight processes issue to owners that each have room for one more key: each owner gets one, and no second.

    A rotating pair counts as one: that which each owner has, and that which the new key becomes.
    """
    with ApiKeys(store, peppers=[PEPPER]) as keys:
        keys.plans.put("pro", max_keys=2)
        for number in range(OWNERS):
            keys.owners.put(f"owner {number}", plan="pro")
            keys.rotate(keys.issue(owner=f"owner {number}").record.key_id, overlap=3600)
        children = [start(("issue", "issue on a loop")[place % 2], url, str(OWNERS)) for place in range(ISSUERS)]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        assert sum(int(child.communicate(timeout=100)[0]) for child in children) == OWNERS
        assert [keys.count_living(owner=f"owner {number}") for number in range(OWNERS)] == [4] * OWNERS
        with pytest.raises(PlanExceeded, match="allows 2 keys, and 2 have not ended"):
            keys.issue(owner="owner 0")


STRIKES = [
    ("insert", "INSERT INTO secretsource_events"), ("insert", "COMMIT"),
    ("update", "INSERT INTO secretsource_events"), ("update", "COMMIT"),
    ("rotate", "INSERT INTO secretsource_keys"), ("rotate", "INSERT INTO secretsource_events"), ("rotate", "COMMIT"),
    ("rotate on a loop", "INSERT INTO secretsource_events"), ("rotate on a loop", "COMMIT"),
]  # fmt: skip


@pytest.mark.parametrize(("work", "before"), STRIKES)
def test_a_process_that_is_killed_leaves_nothing_half_made(url: str, store: KeyStore, work: str, before: str) -> None:
    """SIGKILL between any two statements, or before the commit: everything is as it was, and can be changed at once."""
    store.insert([new(1)])
    assert finish(start("die", url, work, before)) == -signal.SIGKILL
    assert store.list(KeyQuery()).records == [record(1)]
    assert [len(store.events(record(number).key_id)) for number in (1, 2, 10)] == [1, 0, 0]
    assert store.update(changed(record(1), name="alive"))


@needs_fork
def test_a_forked_child_has_connections_of_its_own(store: KeyStore) -> None:
    """Parent and child ask and write at the same time, and neither reads the other's answers."""
    store.insert([new(1), new(2)])
    assert store.get(record(1).key_id) == record(1)

    def act() -> bool:
        good = all(store.get(record(2).key_id) == record(2) for _ in range(50))
        good = good and store.update(changed(record(2), name="by the child"))
        store.close()
        return good

    child = begun(act)
    asked = [store.get(record(1).key_id) for _ in range(50)]
    assert ended(child)
    assert asked == [record(1)] * 50
    written = store.get(record(2).key_id)
    assert written is not None
    assert written.name == "by the child"


@needs_fork
def test_a_killed_parent_keeps_nothing_locked_though_its_child_lives(database_url: str) -> None:
    """The child has inherited the connection that holds the lock, and the server notices its owner's end at once."""
    url = PostgresDatabase(database_url).url
    told, telling = os.pipe()

    def lock_and_fork() -> bool:
        with closing(sql.PostgresStore.open(url)) as store:
            store.database.write(lock_fork_and_end)
        return False

    def waits() -> bool:
        signal.pause()
        return False

    def lock_fork_and_end(connection: Connection) -> None:
        connection.execute(LOCK)
        child = begun(waits)
        os.write(telling, str(child).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    with closing(sql.PostgresStore.open(url)) as store:
        store.insert([new(1)])
        assert not ended(begun(lock_and_fork))
        child = int(os.read(told, 100))
        try:
            assert store.update(changed(record(1), name="by another"))
        finally:
            os.kill(child, signal.SIGKILL)
    os.close(told)
    os.close(telling)


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """0600, as is what SQLite keeps beside it, whatever the umask."""
    before = os.umask(0)
    try:
        store = sql.SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
        store.insert([new(1)])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == {"keys.db": 0o600, "keys.db-wal": 0o600, "keys.db-shm": 0o600}


class News:
    """What a listener was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.told: list[KeyChange] = []
        self._changed = threading.Condition()

    def __call__(self, change: KeyChange) -> None:
        with self._changed:
            self.told.append(change)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[KeyChange]], bool]) -> None:
        """Wait until what was told is as it should be."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.told), 10), self.told


GAP = KeyChange(None, 0)


@pytest.mark.parametrize("kind", [sql.PostgresStore, sql.AsyncPostgresStore])
def test_postgresql_tells_other_processes(
    kind: type[sql.PostgresStore | sql.AsyncPostgresStore], database_url: str
) -> None:
    """Of each change with its revision, once it is committed; and that all may have changed, when listening begins."""
    url = PostgresDatabase(database_url).url
    news = News()
    store = open_store(url)
    listening = kind.open(url)
    assert isinstance(listening, ChangeFeed)
    cancel = listening.subscribe(news)
    news.wait_for(lambda told: told == [GAP])
    store.insert([new(1)])
    news.wait_for(lambda told: told[1:] == [KeyChange(record(1).key_id, 1)])
    assert finish(start("change", url)) == 0
    news.wait_for(lambda told: told[2:] == [KeyChange(record(1).key_id, 2), KeyChange(record(2).key_id, 1)])
    assert not store.update(changed(record(1)))
    cancel()
    store.insert([new(3)])
    store.close()
    assert len(news.told) == 4


def test_a_listener_that_was_cut_off_is_told_that_it_missed_something(database_url: str) -> None:
    """It connects again by itself, and whatever came meanwhile is covered by one word."""
    url = PostgresDatabase(database_url).url
    news = News()
    store = sql.PostgresStore.open(url)
    cancel = store.subscribe(news)
    news.wait_for(lambda told: told == [GAP])
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    do(url, others)
    store.insert([new(1)])
    news.wait_for(lambda told: told.count(GAP) == 2)
    do(url, "NOTIFY secretsource_keys, 'not one of ours'")
    news.wait_for(lambda told: told.count(GAP) == 3)
    cancel()
    store.close()
