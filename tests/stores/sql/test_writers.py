"""The writers of one SQLite file: each has its turn, and waits no longer than its URL says."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.forks import is_right_in_child, needs_fork
from tests.signals import at_each_place, elsewhere, tell

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores._sql.connections import writers
from secretsource.stores._sql.connections.writers import Crowded, Writers
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from secretsource.stores.sql import SqlStore

PATIENCE = 5.0
"""Seconds that the URL of the store allows, by the clock of a test."""
BUSY = "is locked by another writer for too long"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the store."""
    return tmp_path / "keys.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    """A store with one key, which waits for `PATIENCE`."""
    opened = sql.SqlStore.open(f"sqlite:///{file}?timeout={PATIENCE}")
    opened.insert([new(1)])
    yield opened
    opened.close()


@contextmanager
def another(file: Path) -> Generator[sqlite3.Connection]:
    """Another writer, in the middle of a transaction."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


class Clock:
    """A clock that only pauses move on.

    Args:
        at_pause: Called with the number of each pause.
    """

    def __init__(self, at_pause: Callable[[int], object]) -> None:
        self._at_pause = at_pause
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)
        self._at_pause(len(self.pauses))


def change(store: SqlStore) -> bool:
    """Write to the store."""
    return store.update(changed(record(1), name="changed"))


def test_a_writer_takes_a_short_gap_between_others(
    store: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again every few milliseconds, however long it has waited: busy processes leave no longer gaps."""
    with another(file) as other:
        clock = Clock(lambda number: other.rollback() if number == 500 else None)
        monkeypatch.setattr(writers, "time", clock)
        assert change(store)
    assert len(clock.pauses) == 500
    assert max(clock.pauses) <= 0.004


def test_a_writer_waits_for_another_process_as_long_as_its_url_says(
    store: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it says so, and the next one has its turn."""
    clock = Clock(lambda _: None)
    with another(file), monkeypatch.context() as patch:
        patch.setattr(writers, "time", clock)
        with pytest.raises(StoreError, match=BUSY):
            change(store)
    assert PATIENCE <= clock.now - 1000.0 < PATIENCE + 0.01
    assert change(store)


def test_threads_wait_together(file: Path) -> None:
    """Each waits for the others of its process and for other processes in all as long as its URL says, not in turn."""
    store = sql.SqlStore.open(f"sqlite:///{file}?timeout=1")
    store.insert([new(1)])
    with another(file), ThreadPoolExecutor(10) as threads:
        begun = time.monotonic()
        errors = [each.exception(30) for each in [threads.submit(change, store) for _ in range(10)]]
        took = time.monotonic() - begun
    assert [BUSY in str(error) for error in errors] == [True] * 10
    assert 1.0 <= took < 8.0  # one after the other, they would take 10 seconds
    store.close()


def test_a_thread_waits_for_a_writer_of_its_process_as_long_as_its_url_says(file: Path) -> None:
    """It gets an error though the other thread goes on, and its turn later."""
    store = sql.SqlStore.open(f"sqlite:///{file}?timeout=0.05")
    store.insert([new(1)])
    began, go_on = threading.Event(), threading.Event()

    def write(_: object) -> bool:
        began.set()
        return go_on.wait(30)

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(store.database.write, write)
        assert began.wait(30)
        with pytest.raises(StoreError, match=BUSY):
            change(store)
        assert not other.done()
        go_on.set()
        assert other.result(30)
    assert change(store)
    store.close()


@needs_fork
def test_a_fork_waits_for_writers_no_longer_than_for_one(file: Path) -> None:
    """Several threads wait for another process meanwhile; the child can read, and is not refused."""
    store = sql.SqlStore.open(f"sqlite:///{file}?timeout=1.5")
    store.insert([new(1)])
    with another(file), ThreadPoolExecutor(8) as threads:
        writing = [threads.submit(change, store) for _ in range(8)]  # one after the other: 12 seconds
        assert store.database.sqlite is not None
        while len(store.database.sqlite.turns._all) < 9:  # until all have begun
            time.sleep(0.001)
        assert is_right_in_child(lambda: store.get(record(1).key_id) == record(1))
        assert all(BUSY in str(each.exception(30)) for each in writing)
    store.close()


@pytest.mark.parametrize("busy", [False, True])
def test_a_reader_still_waits_on_the_connection_of_a_writer(store: SqlStore, file: Path, busy: bool) -> None:
    """A transaction that has begun, or that could not begin, leaves the connection as it was."""
    connection = sqlite3.connect(file, isolation_level=None)
    if busy:
        with another(file), pytest.raises(sqlite3.OperationalError, match="locked"):
            writers.begin(connection, time.monotonic(), PATIENCE)
    else:
        writers.begin(connection, time.monotonic(), PATIENCE)
    assert connection.in_transaction is not busy
    assert connection.execute("PRAGMA busy_timeout").fetchone() == (PATIENCE * 1000,)
    connection.close()


def test_another_fault_is_no_wait() -> None:
    """It is raised at once."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        writers.execute_when_free(connection, "no SQL", time.monotonic() + 30)
    connection.close()


def test_a_signal_leaves_no_turn_taken(record_property: Callable[[str, object], None]) -> None:
    """Wherever a signal raises while a thread waits for its turn, has it and gives it back, others have theirs."""

    def act(those: Writers) -> None:
        with those.turn():
            SimpleNamespace()

    def judge(those: Writers, _: bool) -> None:
        elsewhere(lambda: act(those))

    tell(record_property, "turn of a writer", at_each_place(lambda: Writers(0.0), act, None, judge, "moments"))


def test_the_wait_for_a_turn_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread waited for its turn is taken off its wait for other processes."""
    ticks = count(1000)
    monkeypatch.setattr(writers, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    with Writers(PATIENCE).turn() as until:
        assert until == 1000 + PATIENCE


def test_a_turn_is_for_one_thread() -> None:
    """Another waits for as long as it may; the one that has it may take it again, as in a signal's function."""
    those = Writers(0.0)

    def fails() -> bool:
        with pytest.raises(Crowded), those.turn():
            pass
        return True

    with those.turn(), those.turn():
        assert elsewhere(fails)
    with those.turn():
        pass
