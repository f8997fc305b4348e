"""The connections of this process to one SQLite database: how the file is made, opened, and closed before a fork.

SQLite locks its file with ``fcntl``, and POSIX drops all of a process's locks on a file when the process closes any
descriptor of it (https://www.sqlite.org/howtocorrupt.html, 2.2). So nothing here, and nothing else in this package,
opens an existing file except through SQLite.

A connection goes on with its file when that was replaced, or removed: other processes would work with another database,
and would not find what was confirmed here. So a connection is used only while its file is at the path.

SQLite also remembers the locks of a process, and a forked child would take its parent's locks for its own (2.6 there).
So every connection is closed before a fork, and both sides open new ones. If that is impossible, the child is refused.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from secretsource._ground import fork
from secretsource._ground.turns import Turns
from secretsource.exceptions import StoreError
from secretsource.stores._sql.connections.writers import execute_when_free

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from secretsource.stores._sql.connections.address import Address

_MAKING = fork.lock()
"""Held while this process looks for a file and makes it; a thread that finds it there finds it closed."""

_LEFT_BEHIND: dict[SqliteConnection, Hashable] = {}
"""Connections that were open when this process was forked: SQLite is wrong here about the locks of their databases."""

_IN_USE = (
    "was in use while this process was forked, and cannot be opened here: fork before that work begins, or start "
    "this process by spawn or exec"
)
_IN_MEMORY = (
    "is in the memory of the process that this one was forked from: use a file, as in  sqlite:///keys.db, or open "
    "the store after the fork"
)
_ATTEMPTS = 3
"""Attempts to open a file, while others are put in its place."""


class Gone(sqlite3.OperationalError):
    """An error: the file was there, and is not any more; a new one would know no key."""

    sqlite_errorcode = sqlite3.SQLITE_READONLY_DBMOVED


class SqliteConnection(sqlite3.Connection):
    """A connection that knows whether it can be used, and that only its own process can close.

    Args:
        name: The name that SQLite opens.
        timeout: Seconds to wait for a lock.
        file: Its database; it lives as long as its connections, so that a fork finds all that are open.
        identity: The identity of its database.

    Attributes:
        identity: The identity of its database.
    """

    def __init__(self, name: str, timeout: float, file: SqliteFile, identity: Hashable) -> None:
        self._file = file
        self.identity = identity
        self._process = os.getpid()
        self.is_open = False
        super().__init__(name, timeout=timeout, isolation_level=None, check_same_thread=False, uri=True)
        self.is_open = True

    def is_current(self) -> bool:
        """Return whether it is open, and its file is still at the path."""
        return self.is_open and self._file.identity() == self.identity

    def close(self) -> None:
        """Close it during a turn, because a child would wait for SQLite's mutex for ever; never close the parent's."""
        if self.is_open and self._process == os.getpid():
            with self._file.turns.mine():
                self.is_open = False
                super().close()
                self._file.opened.pop(self, None)

    def __del__(self) -> None:
        self.close()


class SqliteFile:
    """One SQLite database, for any number of threads.

    Args:
        address: Its place; an empty path is a database in memory.

    Raises:
        StoreError: Its path begins at a working directory that is gone.

    Attributes:
        turns: The turns of its threads; a thread takes its own while it works with a connection.
        opened: The open connections, each with the identity of its database.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._path = _whole_path(address) if address.path else None
        self._was_there = False
        self._begin_anew()
        fork.ask(self)

    def _begin_anew(self) -> None:
        self.turns = Turns()
        self.opened: dict[SqliteConnection, Hashable] = {}

    @property
    def is_in_memory(self) -> bool:
        """Whether it vanishes when its one connection is closed."""
        return self._path is None

    def is_missing(self) -> bool:
        """Return whether the file does not exist yet."""
        return self._path is not None and not self._path.exists()

    def identity(self) -> Hashable:
        """Return what tells the database from any other that is put in its place; None if it is gone."""
        if self._path is None:
            return self
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_dev, state.st_ino

    def connect(self) -> SqliteConnection:
        """Open a connection; a new file, and what SQLite keeps beside it, is for its owner only (0600).

        Raises:
            StoreError: The parent of this process had it open, and did not close it before the fork.
            Gone: This process had it open, and it is not there any more.
        """
        with self.turns.mine():
            for _ in range(_ATTEMPTS):
                connection = self._opened()
                if connection.is_current():
                    break
                connection.close()
            else:
                raise Gone
            self._was_there = True
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _opened(self) -> SqliteConnection:
        name, identity = self._named()
        if identity in _LEFT_BEHIND.values():
            reason = _IN_MEMORY if self._path is None else _IN_USE
            raise StoreError(f"the key store {self._address.shown} {reason}")
        connection = SqliteConnection(name, self._address.timeout, self, identity)
        self.opened[connection] = identity
        return connection

    def before_fork(self) -> None:
        """Close every connection; each thread opens one when it needs it.

        If a thread still works with the file, everything stays open, and the child is refused. A database in memory
        also stays, because closing would lose it; its threads rest, because SQLite has locks for all databases.
        """
        if self._path is not None and self.turns.are_taken():
            for connection in tuple(self.opened):
                with suppress(sqlite3.Error):
                    connection.close()

    def after_fork(self) -> None:
        """Start anew in a forked child, and remember the connections left open."""
        for connection in self.opened:
            _keep_for_good(connection)
        _LEFT_BEHIND.update(self.opened)
        self._begin_anew()

    def _named(self) -> tuple[str, Hashable]:
        """Return the name that SQLite opens, and its identity; a file made by SQLite would not be private."""
        if self._path is None:
            return ":memory:", self
        with _MAKING:
            if self.is_missing():
                if self._was_there:
                    raise Gone
                _make(Path(os.path.realpath(self._path)))  # `resolve` raises RuntimeError for links in a circle
        return f"{self._path.as_uri()}?mode=rw", self.identity()

    def _set_up(self, connection: SqliteConnection) -> None:
        if self._path is not None:
            # When several switch a new file to WAL at once, SQLite refuses all but one without waiting.
            execute_when_free(connection, "PRAGMA journal_mode = WAL", time.monotonic() + self._address.timeout)
        connection.execute("PRAGMA synchronous = FULL")  # a revocation outlives a power cut
        connection.execute("PRAGMA foreign_keys = ON")


def _make(path: Path) -> None:
    """Make an empty file for its owner only, unless another process makes it first.

    Its descriptor is closed before any thread of this process goes on to SQLite, so there is no lock that this drops.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _keep_for_good(connection: SqliteConnection) -> None:
    """Hold a parent's connection for ever, even past the end of the interpreter: closing it may change the file."""
    with suppress(ImportError):
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _whole_path(address: Address) -> Path:
    try:
        return Path(address.path).absolute()
    except FileNotFoundError:
        pass
    raise StoreError(
        f"the key store {address.shown} cannot be found: the working directory of this process is gone; start it in "
        "another one, or write the whole path of the file"
    )
