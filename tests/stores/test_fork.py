"""A store on SQLite on both sides of a fork: nothing that was confirmed is lost, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import begun, ended, is_right_in_child, needs_fork
from tests.stores.sql.test_closing import Work

from secretsource._ground import fork, turns
from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores import sql
from secretsource.stores.base import KeyQuery
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from secretsource.stores.sql import SqlStore

pytestmark = needs_fork

TREE = Path(__file__).parents[2]
DESCRIPTORS = Path("/proc/self/fd")
CHILDREN = 30
KEY = record(1).key_id


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the store is."""
    return f"sqlite:///{tmp_path / 'keys.db'}"


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """A store with one key, which this thread has looked up."""
    opened = sql.SqlStore.open(url)
    opened.insert([new(1)])
    assert opened.get(KEY) == record(1)
    yield opened
    opened.close()


def names(url: str) -> set[str]:
    """What another process finds: the names of all keys."""
    program = (
        "import sys; from secretsource.stores import sql; from secretsource.stores.base import KeyQuery\n"
        "records = sql.SqlStore.open(sys.argv[1]).list(KeyQuery(limit=1000)).records\n"
        "print(*[record.name for record in records], sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", program, url], check=True, capture_output=True, text=True, cwd=TREE)
    return set(run.stdout.splitlines())


def raises(act: Callable[[], object], text: str) -> bool:
    """Whether it raises a `StoreError` that says this."""
    try:
        act()
    except StoreError as error:
        return text in str(error)
    return False


def in_use(url: str) -> list[str]:
    """The files of a store that this process has open; other tests of this process may have others."""
    file = url.removeprefix("sqlite:///")
    links = (str(each.readlink()) for each in DESCRIPTORS.iterdir() if each.is_symlink())
    return [link for link in links if link.startswith(file)]


def test_what_a_child_commits_outlives_its_parents_closing(store: SqlStore, url: str) -> None:
    """The parent closes while the child goes on; everybody sees what the child has changed after that."""
    closed, closing = os.pipe()

    def act() -> bool:
        assert store.get(KEY) == record(1)
        os.read(closed, 1)
        return store.update(changed(record(1), name="by the child"))

    child = begun(act)
    store.close()
    os.write(closing, b"x")
    assert ended(child)
    assert names(url) == {"by the child"}
    os.close(closed)
    os.close(closing)


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this system does not tell which files are open")
def test_nothing_of_the_store_is_open_at_a_fork(store: SqlStore, url: str) -> None:
    """Neither of the pool, nor of this thread, nor of another one that still runs; later each opens its own."""
    looked, go_on = threading.Event(), threading.Event()
    answers: list[Any] = []

    def look_twice() -> None:
        answers.append(store.get(KEY))
        looked.set()
        assert go_on.wait(30)
        answers.append(store.get(KEY))

    other = threading.Thread(target=look_twice)
    other.start()
    assert looked.wait(30)
    assert in_use(url)
    assert is_right_in_child(lambda: not in_use(url) and store.get(KEY) == record(1) and bool(in_use(url)))
    assert not in_use(url)
    go_on.set()
    other.join(30)
    assert answers == [record(1), record(1)]
    assert store.update(changed(record(1), name="later"))


@contextmanager
def let_go_by_a_fork(store: SqlStore) -> Generator[Work]:
    """A transaction of another thread, which ends when a fork waits for it."""
    work = Work()
    working = threading.Thread(target=store.database.write, args=[work])
    working.start()
    assert work.begun.wait(30)

    def let_go() -> None:
        until = time.monotonic() + 5
        while not turns.ALL.are_wanted and time.monotonic() < until:  # until the fork waits
            time.sleep(0.001)
        work.go_on.set()

    threading.Thread(target=let_go).start()
    yield work
    working.join(30)


def test_a_fork_waits_for_work_that_has_begun(store: SqlStore) -> None:
    """A transaction of another thread ends before the child begins, and the child can write at once."""
    with let_go_by_a_fork(store) as work:
        assert is_right_in_child(lambda: work.done and store.update(changed(record(1), name="by the child")))


def test_a_fork_waits_for_work_in_memory(store: SqlStore) -> None:
    """SQLite has locks for all databases of a process: the child could not use a file while one of them is taken."""
    in_memory = sql.SqlStore.open("sqlite://")
    with let_go_by_a_fork(in_memory) as work:
        assert is_right_in_child(lambda: work.done and store.update(changed(record(1), name="by the child")))
    in_memory.close()


def test_a_child_of_a_fork_in_the_middle_of_work_is_refused(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that does not end holds up a fork for a while only; the child is told why, and the parent goes on."""
    monkeypatch.setattr(fork, "PATIENCE", 0.05)
    work = Work()
    working = threading.Thread(target=store.database.write, args=[work])
    working.start()
    assert work.begun.wait(30)

    def act() -> bool:
        again = sql.SqlStore.open(url)
        uses: list[Callable[[], object]] = [
            lambda: store.get(KEY), lambda: store.insert([new(2)]), lambda: again.get(KEY), again.database.version,
        ]  # fmt: skip
        return all(raises(use, "was in use while this process was forked") for use in uses)

    assert is_right_in_child(act)
    work.go_on.set()
    working.join(30)
    assert store.update(changed(record(1), name="by the parent"))
    assert is_right_in_child(lambda: store.insert([new(2, name="by a later child")]) == frozenset())
    assert names(url) == {"by the parent", "by a later child"}


def test_a_fork_waits_for_a_session_that_begins() -> None:
    """The libraries of PostgreSQL hold locks of the process meanwhile, which a child would wait for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = sql.SqlStore.open(f"postgresql://somebody@127.0.0.1:{server.getsockname()[1]}/keys?sslmode=disable")
        asking = threading.Thread(target=lambda: raises(lambda: silent.list(KeyQuery()), "cannot be reached"))
        asking.start()
        asked, _ = server.accept()
        let_go = threading.Event()

        def refuse() -> None:
            while not turns.ALL.are_wanted:  # until the fork waits
                pass
            threading.Event().wait(0.1)  # so that one which does not wait is over
            let_go.set()
            asked.close()

        threading.Thread(target=refuse).start()
        assert is_right_in_child(let_go.is_set)
        asking.join(30)
        silent.close()


def test_nothing_is_closed_in_the_middle_of_a_fork(store: SqlStore) -> None:
    """A child would wait for ever for what another thread holds in SQLite."""
    assert store.database.sqlite is not None
    closing = threading.Thread(target=store.close)
    turns.ALL.take(5)
    assert store.database.sqlite.turns.are_taken()
    opened = set(store.database.sqlite.opened)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    assert all(connection.is_open for connection in opened)
    turns.ALL.release()
    closing.join(30)
    assert not any(connection.is_open for connection in opened)


def test_a_store_in_memory_is_not_two() -> None:
    """A child does not go on with a copy, in which nothing of what the parent revokes is heard of."""
    store = sql.SqlStore.open("sqlite://")
    assert is_right_in_child(lambda: store.insert([new(1)]) == frozenset())  # it was not used before
    store.insert([new(1)])
    assert is_right_in_child(
        lambda: raises(lambda: store.get(KEY), "in the memory of the process that this one was forked from")
    )
    assert store.get(KEY) == record(1)
    store.close()


def test_every_child_of_a_busy_process_can_write(store: SqlStore, url: str) -> None:
    """Threads look up and write all the time while the process forks; each child's change is there in the end."""
    store.insert([new(number) for number in range(100, 100 + CHILDREN)])
    stop = threading.Event()
    failed: list[str] = []

    def work(number: int) -> None:
        mine = record(number)
        try:
            store.insert([new(number)])
            while not stop.is_set():
                mine = changed(store.get(mine.key_id) or mine, name="busy").record
                store.update(changed(store.get(mine.key_id) or mine, name="busy"))
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=work, args=[number]) for number in (2, 3, 4)]
    for thread in threads:
        thread.start()
    children = [
        begun(lambda number=number: store.update(changed(record(number), name=f"child {number}")))  # type: ignore[misc]
        for number in range(100, 100 + CHILDREN)
    ]
    right = [ended(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join(30)
    assert (right, failed) == ([True] * CHILDREN, [])
    assert {f"child {number}" for number in range(100, 100 + CHILDREN)} <= names(url)


def test_two_threads_fork_at_once(tmp_path: Path) -> None:
    """With two stores, neither waits for the other, and every child can use both."""
    stores = [sql.SqlStore.open(f"sqlite:///{tmp_path / f'{name}keys.db'}") for name in "ab"]
    for store in stores:
        store.insert([new(1)])
    right: list[bool] = []

    def fork() -> None:
        for _ in range(5):
            right.append(is_right_in_child(lambda: all(store.get(KEY) == record(1) for store in stores)))

    threads = [threading.Thread(target=fork) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert right == [True] * 10
    for store in stores:
        store.close()


async def test_a_child_of_an_event_loop_begins_its_own(url: str) -> None:
    """What was asked in threads is answered, and the child asks in threads of its own."""
    store = sql.AsyncSqlStore.open(url)
    await store.insert([new(1)])
    asking = [asyncio.ensure_future(store.get(KEY)) for _ in range(20)]
    await asyncio.sleep(0)

    async def act() -> bool:
        return await store.update(changed(record(1), name="by the child")) and await store.get(KEY) is not None

    def run() -> bool:
        asyncio.events._set_running_loop(None)
        return asyncio.run(act())

    child = begun(run)
    assert await asyncio.gather(*asking) == [record(1)] * 20
    assert ended(child)
    assert names(url) == {"by the child"}
    await store.close()


def test_keys_that_are_loaded_before_the_fork_are_checked_in_every_worker(url: str) -> None:
    """A server that preloads: workers check, revoke and flush; what one of them revokes, all others refuse."""
    with ApiKeys.open(url, peppers=["a pepper of the tests, long enough"], ttl=0.0, flush_every=0.02) as keys:
        issued = [keys.issue(owner=f"customer {number}") for number in range(4)]
        assert keys.check(issued[0].plaintext, scope=NO_SCOPE)

        def act(number: int) -> bool:
            good = bool(keys.check(issued[number].plaintext, scope=NO_SCOPE))
            keys.flush()
            keys.revoke(issued[number].record.key_id)
            return good and keys.get(issued[number].record.key_id).last_used is not None

        children = [begun(lambda number=number: act(number)) for number in range(3)]  # type: ignore[misc]
        assert [ended(child) for child in children] == [True] * 3
        verdicts = [bool(keys.check(each.plaintext, scope=NO_SCOPE)) for each in issued]
    assert verdicts == [False, False, False, True]


def test_a_daemon_outlives_those_that_started_it(store: SqlStore, url: str) -> None:
    """A process that forks twice, and whose parents end, keeps what it is told."""
    done, doing = os.pipe()

    def daemonize() -> bool:
        daemon = begun(lambda: store.update(changed(record(1), name="by the daemon")))
        os.write(doing, b"x" if ended(daemon) else b"-")
        return True

    assert ended(begun(daemonize))
    assert os.read(done, 1) == b"x"
    assert names(url) == {"by the daemon"}
    os.close(done)
    os.close(doing)


FORKED_BY_C = """
import _imp, ctypes, os, sys
from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.testing._stores.samples import changed, new, record
store = sql.SqlStore.open(sys.argv[1])
store.insert([new(1)])
store.get(record(1).key_id)
_imp.acquire_lock()  # as such servers do: a child ends at once without it, since Python 3.13
child = ctypes.PyDLL(None).fork()
if child == 0:
    ctypes.pythonapi.PyOS_AfterFork_Child()
    try:
        store.get(record(1).key_id)
    except StoreError as error:
        print(error)
    sys.exit(7)  # the whole interpreter ends
_imp.release_lock()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert os.path.exists(sys.argv[1].removeprefix("sqlite:///") + "-wal")
assert store.update(changed(record(1), name="by the parent"))
"""


def test_a_fork_that_python_did_not_make_is_refused(url: str) -> None:
    """A child of a server written in C, which tells of its fork afterwards: the file is neither used nor changed."""
    run = subprocess.run(
        [sys.executable, "-c", FORKED_BY_C, url], check=True, capture_output=True, text=True, cwd=TREE, timeout=30
    )
    assert "was in use while this process was forked" in run.stdout
    assert names(url) == {"by the parent"}
