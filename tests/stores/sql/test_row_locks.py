"""No row is locked while a key is hashed: a writer elsewhere gets at it in the middle of a check."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PEPPER = "a pepper of the tests, long enough"
LOCK = "SELECT key_id FROM secretsource_keys WHERE key_id = %s FOR UPDATE"


class SqliteFile:
    """A database in a file, which has one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "keys.db"
        self.url = f"sqlite:///{self.file}"

    def is_free(self, key_id: str) -> bool:
        """Whether a stranger could write now."""
        with closing(sqlite3.connect(self.file, timeout=0, isolation_level=None)) as stranger:
            try:
                stranger.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def lock(self, key_id: str) -> Any:
        """Begin to write, and do not end."""
        holder = sqlite3.connect(self.file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        return holder


class PostgresServer:
    """A server, which locks rows."""

    def __init__(self, url: str) -> None:
        self.url = url

    def is_free(self, key_id: str) -> bool:
        """Whether a stranger could lock the row now."""
        with psycopg.connect(self.url) as stranger:
            try:
                return stranger.execute(f"{LOCK} NOWAIT", [key_id]).fetchone() is not None
            except errors.LockNotAvailable:
                return False

    def lock(self, key_id: str) -> Any:
        """Lock the row in a transaction that does not end."""
        holder = psycopg.connect(self.url)
        holder.execute(LOCK, [key_id])
        return holder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFile | PostgresServer:
    """Either database."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path)
    return PostgresServer(request.getfixturevalue("database_url"))


@pytest.fixture
def keys(database: SqliteFile | PostgresServer) -> Iterator[ApiKeys]:
    """Keys in it."""
    with closing(sql.SqlStore.open(database.url)) as store, ApiKeys(store, peppers=[PEPPER]) as keys:
        yield keys


@pytest.fixture
def free(database: SqliteFile | PostgresServer, keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the row was free, each time that a hash was about to be compared."""
    noted: list[bool] = []
    compare: Callable[..., Any] = keys._verifier.records.comparison.compare

    def note(presented: Any, record: Any) -> Any:
        noted.append(database.is_free(record.key_id))
        return compare(presented, record)

    monkeypatch.setattr(keys._verifier.records.comparison, "compare", note)
    return noted


def test_a_row_is_free_while_its_key_is_hashed(keys: ApiKeys, free: list[bool]) -> None:
    """The look-up is over, and holds nothing."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert free == [True]


def test_a_lock_would_be_noticed(
    keys: ApiKeys, free: list[bool], database: SqliteFile | PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the fault put in, a look-up that locks what it reads, the row is not free."""
    issued, store = keys.issue(owner="acme"), keys._parts.store
    get, held = store.peek, []

    def locking(key_id: str) -> Any:
        record = get(key_id)
        held.append(database.lock(key_id))
        return record

    monkeypatch.setattr(store, "peek", locking)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert free == [False]
    held[0].close()
