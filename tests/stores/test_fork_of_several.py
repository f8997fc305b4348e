"""A fork while threads work with several stores: a thread that works gets all it needs, and the wait has one end."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.forks import is_right_in_child, needs_fork, under_way_elsewhere
from tests.stores.sql.test_closing import Work

from secretsource._ground import fork
from secretsource._ground.beginnings import beginning
from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from secretsource.stores.sql import SqlStore

pytestmark = needs_fork

KEY = record(1).key_id
PATIENCE = 1.0


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[SqlStore]]:
    """Stores on files of their own, each with one key."""
    opened = [sql.SqlStore.open(f"sqlite:///{tmp_path / str(number)}.db") for number in range(8)]
    for store in opened:
        store.insert([new(1)])
    yield opened
    for store in opened:
        store.close()


def can_write(store: SqlStore) -> bool:
    """Whether this process can change the key of a store."""
    return store.update(changed(record(1), name="by the child"))


def is_refused(store: SqlStore) -> bool:
    """Whether this process may not use a store, because its parent did at the fork."""
    try:
        store.get(KEY)
    except StoreError as error:
        return "was in use while this process was forked" in str(error)
    return False


class Nested:
    """Work of a thread, which comes to need something else once a fork waits for it.

    Args:
        outer: Starts the work.
        inner: What it comes to need.
    """

    def __init__(self, outer: Callable[[], AbstractContextManager[Any]], inner: Callable[[], object]) -> None:
        self._outer, self._inner = outer, inner
        self.is_done = False

    def __call__(self, pause: Callable[[], None]) -> None:
        with self._outer():
            pause()
            self._inner()
            self.is_done = True


def begin() -> None:
    """Begin work of a library in C, and end it."""
    with beginning():
        pass


def test_a_fork_waits_for_work_that_comes_to_need_another_store(stores: list[SqlStore]) -> None:
    """Each of two threads works with a store, and closes the other one while the fork waits, as a collection may."""
    first, second, *_ = stores
    one, other = Nested(first.database._turn, second.close), Nested(second.database._turn, first.close)
    with under_way_elsewhere(one), under_way_elsewhere(other):
        assert is_right_in_child(lambda: one.is_done and other.is_done and can_write(first) and can_write(second))


def test_a_fork_waits_for_work_in_c_that_comes_to_need_a_store(stores: list[SqlStore]) -> None:
    """A connection to PostgreSQL begins, and a store on SQLite is collected meanwhile; and the other way round."""
    store = stores[0]
    one, other = Nested(store.database._turn, begin), Nested(beginning, store.close)
    with under_way_elsewhere(one), under_way_elsewhere(other):
        assert is_right_in_child(lambda: one.is_done and other.is_done and can_write(store))


def test_a_fork_lets_work_that_has_begun_open_a_store(stores: list[SqlStore], tmp_path: Path) -> None:
    """The work ends before the child begins, which has the new store, too."""
    made: list[SqlStore] = []

    def make() -> None:
        made.append(sql.SqlStore.open(f"sqlite:///{tmp_path}/new.db"))
        made[0].insert([new(1)])

    with under_way_elsewhere(work := Nested(stores[0].database._turn, make)):
        assert is_right_in_child(lambda: work.is_done and can_write(made[0]))
    made[0].close()


@contextmanager
def stuck(stores: list[SqlStore]) -> Generator[None]:
    """Transactions in several stores, which outlast a fork."""
    works = [Work() for _ in stores]
    threads = [
        threading.Thread(target=store.database.write, args=[work]) for store, work in zip(stores, works, strict=True)
    ]
    with ExitStack() as after:
        for thread, work in zip(threads, works, strict=True):
            thread.start()
            after.callback(thread.join, 30)
            after.callback(work.go_on.set)
            assert work.begun.wait(30)
        yield


def test_a_fork_waits_for_all_stuck_stores_together(stores: list[SqlStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for one after another: its wait has one end, and the child is refused each of them."""
    monkeypatch.setattr(fork, "PATIENCE", PATIENCE)
    with stuck(stores):
        begun = time.monotonic()
        assert is_right_in_child(lambda: all(map(is_refused, stores)))
        took = time.monotonic() - begun
    assert took < PATIENCE * len(stores)


def test_a_stuck_store_leaves_others_to_a_child(stores: list[SqlStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is refused the file that a thread still works with, and no other."""
    monkeypatch.setattr(fork, "PATIENCE", PATIENCE)
    with stuck(stores[:1]):
        assert is_right_in_child(lambda: is_refused(stores[0]) and all(map(can_write, stores[1:])))
