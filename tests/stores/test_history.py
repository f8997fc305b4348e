"""The feed of all events in PostgreSQL, while transactions overlap, and after a dump is restored elsewhere."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.stores.databases import do
from tests.stores.sql.test_schema import down_to

from secretsource.stores import sql
from secretsource.stores._sql import history
from secretsource.stores._sql.rows.tables import HEAD
from secretsource.stores.base import Count, CountQuery, HistoryQuery, Unit
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.postgres import Postgres

EVENT = "INSERT INTO secretsource_events (key_id, revision, kind, time) VALUES (%s, 2, 'disabled', %s)"
OWNER_EVENT = (
    "INSERT INTO secretsource_owner_events (subject, id, kind, time, fields) VALUES ('owner', %s, 'changed', %s, '[]')"
)


@pytest.fixture
def url(server: Postgres) -> str:
    """The URL of a database of its own, with tables."""
    do(server.url, "DROP DATABASE IF EXISTS history WITH (FORCE)", "CREATE DATABASE history")
    url = server.url.rpartition("/")[0] + "/history"
    sql.migrate(url)
    return url


@pytest.fixture
def store(url: str) -> Iterator[sql.PostgresStore]:
    """A store with two keys, whose events are read."""
    with closing(sql.PostgresStore.open(url)) as opened:
        opened.insert([new(1), new(2)])
        assert len(read(opened)) == 2
        yield opened


def read(store: sql.SqlStore, after: int = 0) -> list[tuple[int, str, int]]:
    """The position, the subject and the revision of each event."""
    assert store.history is not None
    assert store.history is not None
    return [(event.position, event.id, event.revision) for event in store.history.read(HistoryQuery(after=after))]


@pytest.mark.parametrize("statement", [EVENT, OWNER_EVENT], ids=["key", "owner"])
def test_a_late_commit_is_not_passed_over(store: sql.PostgresStore, url: str, statement: Any) -> None:
    """Of two transactions that overlap, the one that began first and commits last has its event read last, once."""
    with psycopg.connect(url) as early, psycopg.connect(url) as late:
        early.execute(statement, [record(1).key_id, 10.0])
        late.execute(statement, [record(2).key_id, 20.0])
        late.commit()
        first = read(store, after=2)
        assert [(position, id) for position, id, _ in first] == [(3, record(2).key_id)]
        assert read(store, after=3) == []
        early.commit()
    assert [(position, id) for position, id, _ in read(store, after=3)] == [(4, record(1).key_id)]
    assert [position for position, *_ in read(store)] == [1, 2, 3, 4]


def test_a_reading_does_not_pass_over_what_comes_in_the_middle(
    store: sql.PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event of a key that gets its position between the questions for keys and for owners is read next."""
    owners = history._owners

    def meanwhile(query: HistoryQuery, last: int) -> Any:
        monkeypatch.setattr(history, "_owners", owners)
        with psycopg.connect(url) as other:
            other.execute(EVENT, [record(1).key_id, 30.0])
            other.execute(OWNER_EVENT, [record(2).key_id, 31.0])
        with closing(sql.PostgresStore.open(url)) as another:
            assert len(read(another, after=2)) == 2
        return owners(query, last)

    monkeypatch.setattr(history, "_owners", meanwhile)
    seen = read(store, after=2)
    seen += read(store, after=max([2, *(position for position, *_ in seen)]))
    assert [position for position, *_ in seen] == [3, 4]


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_readers_at_once_give_each_position_once(store: sql.PostgresStore, url: str, level: str) -> None:
    """Whatever isolation the database has by default."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'".encode())
    try:
        store.insert([new(number) for number in range(3, 40)])
        with ThreadPoolExecutor(8) as threads:
            opened = [sql.PostgresStore.open(url) for _ in range(8)]
            feeds = list(threads.map(read, opened))
            for each in opened:
                each.close()
        assert all([position for position, *_ in feed] == [*range(1, 40)] for feed in feeds)
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_isolation".encode())


def test_a_restored_dump_goes_on(store: sql.PostgresStore, url: str) -> None:
    """Positions are in the rows, not in a sequence: copied rows keep theirs, and new ones follow."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = ("secretsource_keys", "secretsource_events")
        for table in tables:
            connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())
        for table in reversed(tables):
            connection.execute(f"TRUNCATE {table} CASCADE".encode())
        for table in tables:
            connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}".encode())
    store.insert([new(3)])
    assert read(store) == [(1, record(1).key_id, 1), (2, record(2).key_id, 1), (3, record(3).key_id, 1)]


def test_many_events_get_their_positions_in_pieces(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first reader places no more than it needs; the rest follows when it goes on."""
    monkeypatch.setattr("secretsource.stores._sql.history.BATCH", 10)
    with closing(sql.PostgresStore.open(url)) as store, psycopg.connect(url, autocommit=True) as connection:
        store.insert([new(number) for number in range(1, 36)])
        assert store.history is not None
        assert store.history is not None
        assert len(store.history.read(HistoryQuery(limit=12))) == 12
        placed = connection.execute("SELECT count(position) FROM secretsource_events").fetchone()
        assert placed == (20,)
        assert [position for position, *_ in read(store, after=12)] == list(range(13, 36))


def test_events_from_before_the_feed_are_in_it(tmp_path: Path) -> None:
    """A database of the version before keeps its events, and the first reader gives them their positions."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    with closing(sql.SqlStore.open(url)) as store:
        store.insert([new(2), new(1)])
    down_to(url, "0006")
    sql.migrate(url)
    with closing(sql.SqlStore.open(url)) as store:
        assert read(store) == [(1, record(1).key_id, 1), (2, record(2).key_id, 1)]


def test_counts_move_to_a_table_in_the_order_of_its_key(tmp_path: Path) -> None:
    """Counts of a file from before are all there after the migration, and after the way back."""
    file = tmp_path / "keys.db"
    url, minute = f"sqlite:///{file}", CountQuery(Unit.MINUTE, 0.0, 600.0)
    counts = [Count(60, "", "malformed", 3), Count(120, record(1).key_id, "accepted", 2, "acme")]
    with closing(sql.SqlStore.open(url)) as store:
        store.insert([new(1, owner="acme")])
        assert store.counts is not None
        store.counts.add(counts)
    for version in ("0008", HEAD):
        (down_to(url, version) if version != HEAD else sql.migrate(url))
        with closing(sqlite3.connect(file)) as connection:
            made = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'secretsource_counts'").fetchone()[0]
            kept = connection.execute("SELECT count(*), sum(requests) FROM secretsource_counts").fetchone()
        assert ("WITHOUT ROWID" in made) == (version == HEAD)
        assert kept == (6, 15)
    with closing(sql.SqlStore.open(url)) as store:
        assert store.counts is not None
        assert store.counts.read(minute) == counts
