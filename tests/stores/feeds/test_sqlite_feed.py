"""News of changes from an SQLite file: which keys changed, in which process soever, and no more than that."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.forks import begun, ended, is_right_in_child, needs_fork
from tests.stores.test_processes import GAP, News, finish, start

from secretsource._ground import turns
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Rejected
from secretsource.stores import sql
from secretsource.stores._sql import sqlite_feed
from secretsource.stores._sql.sqlite_feed import SqliteFeed
from secretsource.stores.base import ChangeFeed, KeyChange, OwnerEvent, OwnerEventKind, OwnerRecord, PlanRecord, Use
from secretsource.testing._stores.owners import event, registers, stored
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.stores.sql import SqlStore

PEPPER = "a pepper of the tests, long enough"
KEY = record(1).key_id


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the store is."""
    return f"sqlite:///{tmp_path / 'keys.db'}"


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """A store with one key."""
    opened = sql.SqlStore.open(url)
    opened.insert([new(1)])
    yield opened
    opened.close()


@pytest.fixture
def feed(store: SqlStore) -> Iterator[SqliteFeed]:
    """A feed whose looks are made by hand, and which has made its first."""
    assert store.database.sqlite is not None
    made = SqliteFeed(store.database, store.database.sqlite, lambda _: None)
    assert made._look() == (GAP,)
    yield made
    made()


@pytest.mark.parametrize("kind", [sql.SqlStore, sql.AsyncSqlStore])
def test_other_processes_are_told(kind: type[sql.SqlStore | sql.AsyncSqlStore], url: str, store: SqlStore) -> None:
    """Of each change with its revision, once it is committed; and that all may have changed, when listening begins."""
    news, listening = News(), kind.open(url)
    assert isinstance(listening, ChangeFeed)
    cancel = listening.subscribe(news)
    news.wait_for(lambda told: told == [GAP])
    assert finish(start("change", url)) == 0
    news.wait_for(lambda told: told[1:] == [KeyChange(KEY, 2), KeyChange(record(2).key_id, 1)])
    cancel()
    store.insert([new(3)])
    time.sleep(2 * sqlite_feed.PAUSE)
    assert len(news.told) == 3


def test_a_look_is_cheap_while_nothing_is_committed(store: SqlStore, feed: SqliteFeed) -> None:
    """The events are read when somebody has committed, and not otherwise."""
    asked: list[str] = []
    assert feed._connection is not None
    feed._connection.set_trace_callback(asked.append)
    assert list(feed._look()) == []
    assert asked == ["PRAGMA data_version"]
    store.update(changed(record(1), name="new"))
    assert list(feed._look()) == [KeyChange(KEY, 2)]


def test_uses_are_no_news(store: SqlStore, feed: SqliteFeed) -> None:
    """What each process flushes every few seconds empties nobody's cache."""
    store.record_uses([Use(KEY, 1.0)])
    assert list(feed._look()) == []


def test_changes_are_told_once_and_in_order(store: SqlStore, feed: SqliteFeed) -> None:
    """A busy writer costs the others the keys that it changes, and no gap."""
    store.insert([new(number) for number in range(2, 2 + sqlite_feed.MOST)])
    told = list(feed._look())
    assert told == [KeyChange(record(number).key_id, 1) for number in range(2, 2 + sqlite_feed.MOST)]
    assert list(feed._look()) == []


def test_owners_and_plans_that_change_are_told(store: SqlStore, feed: SqliteFeed) -> None:
    """Also of one that is deleted; once each, and beside what is told of keys."""
    owners, plans = registers(store)
    plan = stored(plans, PlanRecord("pro", 5.0))
    owner = stored(owners, OwnerRecord("acme", 5.0))
    store.insert([new(2)])
    owners.delete(owner, event("acme"))
    key, *of_terms = feed._look()
    assert key == KeyChange(record(2).key_id, 1)
    assert of_terms == [KeyChange(None, 0, plan="pro"), *[KeyChange(None, 0, owner="acme")] * 2]
    stored(plans, plan._replace(max_keys=2))
    assert feed._look() == [KeyChange(None, 0, plan="pro")]
    assert feed._look() == ()


def test_more_than_can_be_named_is_a_gap(store: SqlStore, feed: SqliteFeed) -> None:
    """After an import, all that is kept is in doubt; what comes after it is named again."""
    store.insert([new(number) for number in range(2, 3 + sqlite_feed.MOST)])
    assert list(feed._look()) == [GAP]
    store.update(changed(record(1), name="new"))
    assert list(feed._look()) == [KeyChange(KEY, 2)]


def test_events_that_are_numbered_anew_are_a_gap(store: SqlStore, feed: SqliteFeed) -> None:
    """A database that was put back to an older state has fewer events than were read."""
    store.database.write(lambda connection: connection.exec_driver_sql("DELETE FROM secretsource_events"))
    assert list(feed._look()) == [GAP]


def test_a_feed_that_could_not_look_tells_what_it_missed(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file cannot be opened for a while; the change made meanwhile is named afterwards."""
    news, refused = News(), threading.Semaphore(0)
    listening = sql.SqlStore.open(url)
    feed = listening.subscribe(news)
    news.wait_for(lambda told: told == [GAP])
    assert isinstance(feed, SqliteFeed)

    def refuse() -> None:
        refused.release()
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as away:
        with feed._looking:
            assert feed._connection is not None
            feed._connection.close()
            away.setattr(feed._file, "connect", refuse)
        assert store.update(changed(record(1), name="meanwhile"))
        for _ in range(3):
            assert refused.acquire(timeout=20)
        assert news.told == [GAP]
    news.wait_for(lambda told: told[1:] == [KeyChange(KEY, 2)])
    feed()
    listening.close()


def test_nothing_is_open_when_a_subscription_has_ended(store: SqlStore, url: str) -> None:
    """No log of SQLite is left beside the file."""
    news, listening = News(), sql.SqlStore.open(url)
    cancel = listening.subscribe(news)
    news.wait_for(lambda told: told == [GAP])
    store.close()
    cancel()
    listening.close()
    assert [file.name for file in Path(url.removeprefix("sqlite:///")).parent.iterdir()] == ["keys.db"]


def test_a_subscription_that_ends_during_a_fork_holds_nobody_up(store: SqlStore, feed: SqliteFeed) -> None:
    """It waits for its turn before it takes the lock of a look; otherwise the fork would wait for a look, in vain."""
    assert store.database.sqlite is not None
    turns.ALL.take(5)
    assert store.database.sqlite.turns.are_taken()
    ending = threading.Thread(target=feed)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()
    assert feed._looking.acquire(timeout=5)
    feed._looking.release()
    turns.ALL.release()
    ending.join(5)
    assert not ending.is_alive()


def test_a_database_in_memory_has_nobody_to_tell() -> None:
    """It may be subscribed to, and no thread starts."""
    before = set(threading.enumerate())
    sql.SqlStore.open("sqlite://").subscribe(lambda _: None)()
    assert set(threading.enumerate()) <= before


REVOKE = """
import sys, time
from secretsource.issuing import ApiKeys
with ApiKeys.open(sys.argv[1], peppers=[sys.argv[2]]) as keys:
    keys.revoke(sys.argv[3])
"""


def revoke_elsewhere(url: str, key_id: str) -> None:
    """Revoke a key in another process."""
    subprocess.run([sys.executable, "-c", REVOKE, url, PEPPER, key_id], check=True, timeout=30)


def test_a_key_that_another_process_revokes_is_refused_long_before_its_ttl(url: str) -> None:
    """The check asks no store: its cache was told."""
    with ApiKeys.open(url, peppers=[PEPPER], ttl=600) as keys:
        issued = keys.issue(owner="acme")
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        time.sleep(4 * sqlite_feed.PAUSE)  # the gap at the beginning is over
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        revoke_elsewhere(url, issued.record.key_id)
        until = time.monotonic() + 30
        while not isinstance(keys.check(issued.plaintext, scope=NO_SCOPE), Rejected):
            assert time.monotonic() < until


async def test_a_key_that_another_process_revokes_is_refused_on_an_event_loop(url: str) -> None:
    """As in threads."""
    keys = await AsyncApiKeys.open(url, peppers=[PEPPER], ttl=600)
    issued = await keys.issue(owner="acme")
    assert await keys.check(issued.plaintext, scope=NO_SCOPE)
    await asyncio.sleep(4 * sqlite_feed.PAUSE)
    assert await keys.check(issued.plaintext, scope=NO_SCOPE)
    revoke_elsewhere(url, issued.record.key_id)
    until = time.monotonic() + 30
    while not isinstance(await keys.check(issued.plaintext, scope=NO_SCOPE), Rejected):
        assert time.monotonic() < until
    await keys.close()


@needs_fork
def test_both_sides_of_a_fork_are_told(url: str) -> None:
    """The child of a process that listens begins to listen itself, and the parent goes on."""
    with ApiKeys.open(url, peppers=[PEPPER], ttl=600) as keys:
        issued = [keys.issue(owner="acme") for _ in range(2)]

        def hears(number: int) -> bool:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                if not keys.check(issued[number].plaintext, scope=NO_SCOPE):
                    return True
            return False

        assert all(keys.check(each.plaintext, scope=NO_SCOPE) for each in issued)

        def act() -> bool:
            assert keys.check(issued[0].plaintext, scope=NO_SCOPE)
            return hears(0)

        child = begun(act)
        assert keys.check(issued[0].plaintext, scope=NO_SCOPE)
        time.sleep(4 * sqlite_feed.PAUSE)
        revoke_elsewhere(url, issued[0].record.key_id)
        assert hears(0)
        assert ended(child)
        assert is_right_in_child(lambda: bool(keys.check(issued[1].plaintext, scope=NO_SCOPE)))


def test_deleted_events_hide_no_later_change(store: SqlStore, feed: SqliteFeed) -> None:
    """The rows of new events have numbers that the feed has not passed, although the last events were deleted."""
    assert store.upkeep is not None
    store.insert([new(2), new(3)])
    assert len(feed._look()) == 2
    assert store.upkeep.delete([record(2), record(3)], []) == {record(2).key_id, record(3).key_id}
    store.update(changed(record(1), name="one"))
    store.insert([new(4)])
    told = feed._look()
    assert GAP in told or {KeyChange(KEY, 2), KeyChange(record(4).key_id, 1)} <= set(told)


def test_a_deleted_key_is_no_news_of_a_plan(store: SqlStore, feed: SqliteFeed) -> None:
    """The event that stays is among those of owners and plans, and about neither."""
    assert store.upkeep is not None
    store.insert([new(2)])
    feed._look()
    about = OwnerEvent(record(2).key_id, OwnerEventKind.DELETED, 5.0)
    store.upkeep.delete([record(2)], [about])
    assert [change for change in feed._look() if change.owner or change.plan] == []
