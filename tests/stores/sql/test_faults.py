"""What goes wrong with a database, and what is told of it: by its code, never by its message."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import exc
from tests.issuing.conftest import PEPPER
from tests.servers.postgres import PASSWORD
from tests.stores.databases import PostgresDatabase, do

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, Reason, Rejected
from secretsource.stores import sql
from secretsource.stores._sql.connections import faults, timed
from secretsource.stores.base import KeyStore
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = "a-value-of-a-row"


def of_sqlite(code: int) -> sqlite3.Error:
    """An error as the driver makes it."""
    error = sqlite3.OperationalError(ROW)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), "locked by another writer"),
        (of_sqlite(sqlite3.SQLITE_LOCKED), "locked by another writer"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DIRECTORY), "can only be read: let the user"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DBMOVED), "is gone from its place"),
        (of_sqlite(sqlite3.SQLITE_IOERR_FSYNC), "trouble with its disk"),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "is damaged"),
        (of_sqlite(sqlite3.SQLITE_FULL), "no room left"),
        (of_sqlite(sqlite3.SQLITE_CONSTRAINT_NOTNULL), "refused the record"),
        (of_sqlite(sqlite3.SQLITE_NOMEM), "see its own log"),
        (sqlite3.Error(ROW), "see its own log"),
        (errors.ConnectionFailure(ROW), "cannot be reached"),
        (errors.AdminShutdown(ROW), "cannot be reached"),
        (psycopg.OperationalError(ROW), "cannot be reached"),
        (errors.InvalidPassword(ROW), "check the user and the password"),
        (errors.InvalidCatalogName(ROW), "does not exist"),
        (errors.SerializationFailure(ROW), "others made at the same time"),
        (errors.DeadlockDetected(ROW), "deadlock"),
        (errors.InsufficientPrivilege(ROW), "grant it the rights"),
        (errors.UndefinedTable(ROW), "secretsource keys migrate"),
        (errors.UndefinedColumn(ROW), "secretsource keys migrate"),
        (errors.TooManyConnections(ROW), "out of memory or connections"),
        (errors.DiskFull(ROW), "no room left"),
        (errors.ReadOnlySqlTransaction(ROW), "can only be read"),
        (errors.QueryCanceled(ROW), "statement_timeout"),
        (errors.LockNotAvailable(ROW), "locked for too long"),
        (errors.InvalidSqlStatementName(ROW), "pooler=transaction"),
        (errors.DuplicatePreparedStatement(ROW), "pooler=transaction"),
        (psycopg.OperationalError("FATAL:  unsupported startup parameter: options"), "schema="),
        (timed.LateAnswer(), "gave no answer in time"),
        (errors.NotNullViolation(ROW), "refused the record"),
        (errors.IoError(ROW), "trouble with its disk"),
        (errors.DataCorrupted(ROW), "is damaged"),
        (errors.SyntaxError(ROW), "see its own log"),
        (psycopg.DataError(ROW), "refused the record"),
        (psycopg.ProgrammingError(ROW), "see its own log"),
        (UnicodeEncodeError("utf-8", ROW, 0, 1, ROW), "refused the record"),
        (PermissionError(ROW), "cannot be opened"),
        (exc.TimeoutError(ROW), "too slow"),
        (exc.InvalidRequestError(ROW), "see its own log"),
        (exc.OperationalError(ROW, {"owner": ROW}, of_sqlite(sqlite3.SQLITE_FULL)), "no room left"),
        (exc.DBAPIError(ROW, {}, sqlite3.Error(ROW), connection_invalidated=True), "cannot be reached"),
    ],
)  # fmt: skip
def test_every_code_has_its_sentence(error: Exception, words: str) -> None:
    """Which says what to do next, and quotes nothing."""
    fault = faults.diagnose(error)
    assert words in fault.sentence
    assert ROW not in fault.sentence


def test_only_what_was_undone_for_others_is_done_again() -> None:
    """And only what is taken is told apart from what is refused."""
    again = [errors.SerializationFailure(ROW), errors.DeadlockDetected(ROW)]
    assert all(faults.diagnose(error).again for error in again)
    taken = [errors.UniqueViolation(ROW), of_sqlite(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)]
    assert all(faults.diagnose(error).taken for error in taken)
    assert not any(faults.diagnose(error).again for error in [*taken, errors.DiskFull(ROW)])


@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_a_deadlock_that_happens_once_is_not_heard_of(
    state: str, postgres_database: PostgresDatabase, postgres_store: sql.PostgresStore
) -> None:
    """The transaction was undone, so it is done again, and stored once."""
    postgres_store.insert([new(1)])
    do(postgres_database.url, "DROP SEQUENCE IF EXISTS tries", "CREATE SEQUENCE tries")
    postgres_database.on_second_statement(
        f"IF nextval('public.tries') = 1 THEN RAISE EXCEPTION 'planned' USING ERRCODE = '{state}'; END IF"
    )
    for ask in (
        lambda: postgres_store.update(changed(record(1), name="stored")),
        lambda: postgres_store.rotate(*rotated(record(1, revision=2), 2)),
        lambda: postgres_store.insert([new(3)]) == frozenset(),
    ):
        do(postgres_database.url, "ALTER SEQUENCE tries RESTART")
        assert ask()
    postgres_database.heal()
    assert [event.revision for event in postgres_store.events(record(1).key_id)] == [1, 2, 3]


def wrong(url: str) -> list[tuple[str, str]]:
    """URLs that reach nothing, and what is told."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    return [
        (url.replace(PASSWORD, "hunter2-wrong"), "cannot be reached"),
        (url.rpartition(":")[0] + f":{port}/keys", "cannot be reached"),
        (url.rpartition("/")[0] + "/absent", "cannot be reached"),
    ]


async def test_a_server_that_does_not_let_us_in(database_url: str) -> None:
    """Every question is a StoreError, which has no password in it."""
    for url, words in wrong(database_url):
        store = sql.PostgresStore.open(url)
        loop_store = sql.AsyncPostgresStore.open(url)
        for ask in (partial(store.get, "x"), partial(store.count_by_pepper, 1000.0), partial(sql.migrate, url)):
            with pytest.raises(StoreError, match=words) as caught:
                ask()
            assert "hunter2" not in str(caught.value)
            assert PASSWORD not in str(caught.value)
            assert caught.value.__context__ is None
        with pytest.raises(StoreError, match=words):
            await loop_store.get("x")
        await loop_store.close()
        store.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who writes to a new file when it is to go over to WAL, to which SQLite then says no without waiting."""
    with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as writer:
        writer.execute("CREATE TABLE other (a)")
        writer.execute("BEGIN IMMEDIATE")
        yield writer


def test_a_new_file_that_others_open_too(
    tmp_path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store waits until they let it."""
    ours, real = threading.get_ident(), time.sleep  # others sleep, too, where a service of the session listens

    def sleep(seconds: float) -> None:
        if threading.get_ident() == ours:
            writer.execute("COMMIT")
        else:
            real(seconds)

    monkeypatch.setattr("time.sleep", sleep)
    store = sql.SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    assert store.get("k" * 22) is None
    assert not writer.in_transaction
    store.close()


def test_a_new_file_that_others_do_not_let_go_of(tmp_path: Path, writer: sqlite3.Connection) -> None:
    """The store waits as long as its URL says."""
    assert writer.in_transaction
    store = sql.SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}?timeout=0.01")
    with pytest.raises(StoreError, match="locked by another writer for too long"):
        store.get("k" * 22)


def test_a_file_that_cannot_be(tmp_path: Path) -> None:
    """A folder that is not there, a folder in its place, and a file of something else."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be seen as such " * 100)
    for name, words in [("absent/keys.db", "opened"), ("folder", "opened"), ("text.db", "not a database of ours")]:
        store = sql.SqlStore.open(f"sqlite:///{tmp_path / name}")
        for ask in (partial(store.get, "x"), partial(store.count_by_pepper, 1000.0)):
            with pytest.raises(StoreError, match=words) as caught:
                ask()
            assert caught.value.__context__ is None
        store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_text_that_no_database_keeps(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A lone surrogate, and on PostgreSQL also NUL, is refused, and nothing is stored."""
    url = f"sqlite:///{tmp_path / 'keys.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_database").url
    store: KeyStore = sql.SqlStore.open(url) if kind == "sqlite" else sql.PostgresStore.open(url)
    store.insert([new(1)])
    for text in ["\ud800"] if kind == "sqlite" else ["\ud800", "\0"]:
        for ask in (
            lambda text=text: store.insert([new(2), new(3, name=text)]),
            lambda text=text: store.update(changed(record(1), name=text)),
            lambda text=text: store.get(text),
        ):
            with pytest.raises(StoreError, match="refused the record"):
                ask()
    assert store.count_by_pepper(1000.0) == {"01234567": 1}
    store.close()


def test_a_file_that_breaks_while_it_is_used(tmp_path: Path) -> None:
    """A look-up on the thread's own connection tells the same as any other question."""
    store = sql.SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    store.insert([new(1)])
    assert store.get(record(1).key_id) == record(1)
    with closing(sqlite3.connect(tmp_path / "keys.db")) as vandal:
        vandal.execute("DROP TABLE secretsource_keys")
    with pytest.raises(StoreError, match="secretsource keys migrate"):
        store.get(record(1).key_id)
    store.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [("metadata", ROW), ("metadata", f'["{ROW}"]'), ("notices", "[" * 100_000), ("scopes", "7"),
     ("networks", "1" * 5000)],
)  # fmt: skip
def test_a_row_that_was_damaged_is_a_fault_of_the_store(column: str, value: object, tmp_path: Path) -> None:
    """No check passes, and reading the key says which row it is, and nothing of what is in it."""
    file = tmp_path / "keys.db"
    with ApiKeys.open(f"sqlite:///{file}", peppers=[PEPPER], ttl=0) as keys:
        issued = keys.issue(owner="ada")
        key, key_id = issued.plaintext, issued.record.key_id
        with closing(sqlite3.connect(file)) as by_hand, by_hand:
            by_hand.execute(f"UPDATE secretsource_keys SET {column} = ?", (value,))
        verdict = keys.check(key, scope=NO_SCOPE)
        assert isinstance(verdict, Rejected)
        assert verdict.reason is Reason.STORE_UNAVAILABLE
        for read in (lambda: keys.get(key_id), keys.list):
            with pytest.raises(StoreError, match=f"^the record of key '{key_id}' is damaged: mend its row") as caught:
                read()
            assert (caught.value.__context__, ROW in str(caught.value)) == (None, False)


def test_an_update_to_a_taken_lookup_is_an_error(tmp_path: Path) -> None:
    """It is not a matter of who was quicker, so False would be asked again and again."""
    store = sql.SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    store.insert([new(1, lookup=b"1" * 32), new(2)])
    with pytest.raises(StoreError, match="another key with this hash"):
        store.update(changed(record(2), lookup=b"1" * 32))
    assert store.get(record(2).key_id) == record(2)
    store.close()


async def test_a_database_in_memory_is_one_for_all_threads() -> None:
    """And gone when it is closed."""
    store = sql.AsyncSqlStore.open("sqlite://")
    await asyncio.gather(*(store.insert([new(number)]) for number in range(20)))
    assert await asyncio.gather(*(store.get(record(number).key_id) for number in range(20))) == [
        record(number) for number in range(20)
    ]
    await store.close()
    assert await store.get(record(1).key_id) is None
    await store.close()
