"""The connections of this process to one SQLite database: how the file is made, opened, and closed.

SQLite locks its file with ``fcntl``, and POSIX drops all of a process's locks on a file when the process closes any
descriptor of it (https://www.sqlite.org/howtocorrupt.html, 2.2). So nothing here, and nothing else in this package,
opens an existing file except through SQLite.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from tempfile import mkstemp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores._sql.address import Address


class SqliteFile:
    """One SQLite database, for any number of threads.

    Args:
        address: Where it is; an empty path is a database in memory.
    """

    def __init__(self, address: Address) -> None:
        self._timeout = address.timeout
        self._path = Path(address.path).absolute() if address.path else None

    @property
    def is_in_memory(self) -> bool:
        """Whether it is gone when its one connection is closed."""
        return self._path is None

    def is_missing(self) -> bool:
        """Whether the file is yet to be made."""
        return self._path is not None and not self._path.exists()

    def connect(self) -> sqlite3.Connection:
        """Open a connection; a new file, and what SQLite keeps beside it, is for its owner only (0600)."""
        connection = sqlite3.connect(
            self._name(), timeout=self._timeout, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            if self._path is not None:
                _write_ahead(connection, self._timeout)
            connection.execute("PRAGMA synchronous = FULL")  # a revocation outlives a power cut
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _name(self) -> str:
        """What SQLite opens: a file that is there, because it would make one that everybody can read."""
        if self._path is None:
            return ":memory:"
        if self.is_missing():
            _make(self._path.resolve())
        return f"{self._path.as_uri()}?mode=rw"


def _make(path: Path) -> None:
    """Make an empty file for its owner only, unless somebody else makes it first.

    The file gets its name when its descriptor is closed, so no other thread can hold a lock that closing it drops.
    """
    descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _write_ahead(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to WAL; when several do so with a new file at once, SQLite refuses all but one without waiting."""
    until = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        else:
            return
        time.sleep(0.001)
