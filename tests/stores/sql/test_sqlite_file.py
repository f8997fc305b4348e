"""The file of an SQLite store: who may read it, and that its locks are held for as long as it is open."""

from __future__ import annotations

import ast
import errno
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import secretsource.stores
from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores._feed.news import GAP
from secretsource.stores._sql.connections.sqlite_file import SqliteFile
from secretsource.stores._sql.lookups import sqlite_lookup
from secretsource.stores._sql.sqlite_feed import SqliteFeed
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.stores.sql import SqlStore

TREE = Path(__file__).parents[3]
STORES = Path(secretsource.stores.__file__ or "").parent
LOCKS = Path("/proc/locks")
OPENERS = frozenset({
    "copy", "copy2", "copyfile", "fdopen", "mkstemp", "open", "open_code", "read_bytes", "read_text", "touch",
    "write_bytes", "write_text",
})  # fmt: skip
"""Calls that open a file, or may."""
STORE_OPENERS = frozenset(
    {"store", "cls", "self", "self._database", "self.database", "SqlStore", "PostgresStore", "STORES", "ASYNC_STORES"}
)
"""What has an ``open`` of its own."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "keys.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    """A store with one key."""
    opened = sql.SqlStore.open(f"sqlite:///{file}")
    opened.insert([new(1)])
    yield opened
    opened.close()


def locks(file: Path) -> list[str]:
    """The locks that this process holds on a file, as the system knows them."""
    inode, process = f":{file.stat().st_ino}", str(os.getpid())
    fields = [line.split() for line in LOCKS.read_text().splitlines()]
    return [kind for _, _, _, kind, owner, where, *_ in fields if owner == process and where.endswith(inode)]


def elsewhere(code: str, file: Path) -> None:
    """Run a program on a store, in a process that opens and closes it."""
    program = (
        f"from secretsource.stores import sql\nstore = sql.SqlStore.open('sqlite:///{file}')\n{code}\nstore.close()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, cwd=TREE)


@pytest.mark.skipif(not LOCKS.exists(), reason="this system does not tell of its locks")
def test_the_locks_outlive_every_further_connection(store: SqlStore, file: Path) -> None:
    """They are held after a look-up in this thread and in another, and after each of them has closed its connection."""
    assert locks(file) == ["READ"]
    assert store.get(record(1).key_id) == record(1)
    assert locks(file) == ["READ"]
    thread = threading.Thread(target=store.get, args=[record(1).key_id])
    thread.start()
    thread.join()
    assert store.database.version() is not None
    assert locks(file) == ["READ"]


def test_what_is_committed_is_seen_after_another_process_has_closed(store: SqlStore, file: Path) -> None:
    """The process that closes is not the last one, so it leaves the ``-wal`` where this one writes its changes."""
    assert store.get(record(1).key_id) == record(1)
    elsewhere("assert len(store.list(__import__('secretsource').stores.base.KeyQuery()).records) == 1", file)
    wal = file.with_name("keys.db-wal")
    assert wal.exists()
    assert store.update(changed(record(1), name="later"))
    elsewhere(f"assert store.get({record(1).key_id!r}).name == 'later'", file)
    assert wal.exists()
    store.close()
    assert not wal.exists()


def test_a_new_file_is_closed_and_private_before_a_thread_opens_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor of it is closed that could drop a lock of another thread, and nobody else can open it."""
    made, opened = os.open, threading.Event()
    seen: list[tuple[int, bool]] = []

    def watched(path: Path, flags: int, mode: int) -> int:
        descriptor = made(path, flags, mode)
        other.start()
        seen.append((stat.S_IMODE(os.fstat(descriptor).st_mode), opened.wait(0.2)))
        return descriptor

    def look() -> None:
        second.get(record(1).key_id)
        opened.set()

    second, other = sql.SqlStore.open(f"sqlite:///{file}"), threading.Thread(target=look)
    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        store = sql.SqlStore.open(f"sqlite:///{file}")
        store.insert([new(1)])
    finally:
        os.umask(before)
    other.join(30)
    assert opened.is_set()
    assert seen == [(0o600, False)]
    assert second.get(record(1).key_id) == record(1)
    second.close()
    store.close()
    assert [each.name for each in file.parent.iterdir()] == ["keys.db"]


def test_a_file_system_needs_no_hard_links(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some that people mount have none, such as those of memory cards and of shared folders."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    store = sql.SqlStore.open(f"sqlite:///{file}")
    assert store.insert([new(1)]) == frozenset()
    store.close()


def test_threads_that_make_one_file_share_it(file: Path) -> None:
    """Stores that find no file make one together: nothing that any of them writes is lost."""
    stores = [sql.SqlStore.open(f"sqlite:///{file}") for _ in range(8)]
    with ThreadPoolExecutor(len(stores)) as threads:
        list(threads.map(lambda pair: pair[1].insert([new(pair[0])]), enumerate(stores)))
    assert all(store.get(record(number).key_id) == record(number) for number in range(8) for store in stores)
    for store in stores:
        store.close()
    assert [each.name for each in file.parent.iterdir()] == ["keys.db"]


def test_a_link_to_a_file_that_is_not_there_makes_a_private_one(file: Path, tmp_path: Path) -> None:
    """The file that the link names is made, 0600, and the link stays."""
    file.symlink_to(tmp_path / "elsewhere.db")
    store = sql.SqlStore.open(f"sqlite:///{file}")
    store.insert([new(1)])
    store.close()
    assert file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a#b.db", "a%41.db", "ä b.db", "a?mode=memory.db"])
def test_a_name_is_a_name(tmp_path: Path, name: str) -> None:
    """Nothing in the name of a file is an option of SQLite, or stands for another character."""
    store = sql.SqlStore.open(f"sqlite:///{tmp_path}/{quote(name)}")
    store.insert([new(1)])
    store.close()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_file_stays_the_same_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that goes to another folder does not begin a new database there."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    store = sql.SqlStore.open("sqlite:///keys.db")
    store.insert([new(1)])
    monkeypatch.chdir(tmp_path / "there")
    store.close()
    assert store.get(record(1).key_id) == record(1)
    store.close()
    assert not any((tmp_path / "there").iterdir())


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so; the whole path of a file needs none."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StoreError, match="the working directory of this process is gone; start it in another one"):
        sql.SqlStore.open("sqlite:///keys.db")
    store = sql.SqlStore.open(f"sqlite:///{tmp_path}/keys.db")
    store.insert([new(1)])
    store.close()


def test_a_folder_that_is_not_there_is_named_as_the_reason(tmp_path: Path) -> None:
    """No file is made, and the error says what to do."""
    store = sql.SqlStore.open(f"sqlite:///{tmp_path}/none/keys.db")
    with pytest.raises(StoreError, match="see that its folder exists"):
        store.insert([new(1)])


def openings(source: Path) -> Iterator[str]:
    """The calls in a module that open a file, as they are written."""
    for node in ast.walk(ast.parse(source.read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in OPENERS:
            yield function.id
        if isinstance(function, ast.Attribute) and function.attr in OPENERS:
            receiver = ast.unparse(function.value)
            if receiver not in STORE_OPENERS:
                yield f"{receiver}.{function.attr}"


def test_nothing_opens_the_file_past_sqlite() -> None:
    """In all that belongs to stores, one call makes a file, or fails if it is there; another opens the null device."""
    found = {source.name: names for source in STORES.rglob("*.py") if (names := list(openings(source)))}
    assert found == {"sqlite_file.py": ["os.open"], "sockets.py": ["os.open"]}


@pytest.mark.skipif(os.name != "posix", reason="Windows makes links for administrators only")
def test_links_in_a_circle_cannot_be_opened(tmp_path: Path) -> None:
    """A path that leads nowhere is told as such, and not by a traceback."""
    (tmp_path / "keys.db").symlink_to("keys.db")
    with pytest.raises(StoreError, match=r"keys\.db cannot be opened") as caught:
        sql.SqlStore.open(f"sqlite:///{tmp_path}/keys.db").get("0" * 22)
    assert caught.value.__context__ is None


def put_away(file: Path) -> Path:
    """Move a file, and what SQLite keeps beside it, to another folder."""
    folder = file.parent / "away"
    folder.mkdir()
    for each in file.parent.glob(f"{file.name}*"):
        each.rename(folder / each.name)
    return folder / file.name


def names(file: Path) -> list[str]:
    """The names of the keys in a file."""
    with closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM secretsource_keys ORDER BY key_id")]


def test_a_file_in_the_place_of_another_is_used_from_then_on(
    store: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored backup is asked, written to and listened to: what it says is what every other process goes by."""
    monkeypatch.setattr(sqlite_lookup, "LOOKED_EVERY", 0.0)
    backup = sql.SqlStore.open(f"sqlite:///{file.parent / 'backup.db'}")
    backup.insert([new(1, name="restored"), new(2, name="restored")])
    backup.close()
    assert store.database.sqlite is not None
    feed = SqliteFeed(store.database, store.database.sqlite, lambda _: None)
    assert feed._look() == (GAP,)
    assert store.get(record(1).key_id) == record(1)
    put_away(file)
    (file.parent / "backup.db").rename(file)
    found = store.get(record(1).key_id)
    assert found is not None
    assert found.name == "restored"
    assert store.update(changed(record(2, name="restored"), name="later"))
    assert names(file) == ["restored", "later"]
    assert feed._look() == (GAP,)
    feed()


def test_a_file_that_is_gone_is_not_made_again(store: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is confirmed that only a file without a name has; once it is back, everything goes on."""
    monkeypatch.setattr(sqlite_lookup, "LOOKED_EVERY", 0.0)
    assert store.get(record(1).key_id) == record(1)
    away = put_away(file)
    for ask in (lambda: store.get(record(1).key_id), lambda: store.update(changed(record(1), name="later"))):
        with pytest.raises(StoreError, match=r"keys\.db is gone from its place: put its file back") as caught:
            ask()
        assert caught.value.__context__ is None
    assert not file.exists()
    for each in away.parent.iterdir():
        each.rename(file.parent / each.name)
    assert store.update(changed(record(1), name="later"))
    assert names(file) == ["later"]


def test_a_file_that_is_replaced_while_it_is_opened_is_opened_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the connection would count as one to the new file, and lead to the old one for ever."""
    for name in ("keys.db", "backup.db"):
        made = sql.SqlStore.open(f"sqlite:///{file.with_name(name)}")
        made.insert([new(1, name=name)])
        made.close()
    store, real = sql.SqlStore.open(f"sqlite:///{file}"), SqliteFile._named

    def replaced(self: SqliteFile) -> object:
        named = real(self)
        if file.with_name("backup.db").exists():
            file.with_name("backup.db").rename(file)
        return named

    monkeypatch.setattr(SqliteFile, "_named", replaced)
    found = store.get(record(1).key_id)
    assert found is not None
    assert found.name == "backup.db"
    store.close()
