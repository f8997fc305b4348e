"""The writers of one SQLite file: one thread of this process at a time, and one process.

SQLite would wait for another process with pauses of up to 0.1 seconds. A process that writes all the time gives the
lock away for less than that, and takes it again, so others could wait in vain. Here the pauses stay short. Threads and
processes are waited for until one common deadline, so that a thread behind others waits no longer than they do.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

PAUSE, LONGEST_PAUSE = 0.0005, 0.004
"""Seconds between two attempts: after the first one, and doubled each time up to the longest."""


class Crowded(sqlite3.OperationalError):
    """An error: other threads of this process wrote for all the time that a writer may wait."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


class Writers:
    """The threads of this process that write to one file.

    Args:
        patience: Seconds that each of them waits for others.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._turn = threading.RLock()

    @contextmanager
    def turn(self) -> Generator[float]:
        """Wait for the turn of this thread, and hold it; the value is the end of the wait, in monotonic seconds.

        Raises:
            Crowded: Other threads had it until then.
        """
        until = time.monotonic() + self._patience
        try:
            if not self._turn.acquire(timeout=self._patience):
                raise Crowded
            yield until
        finally:
            try:  # noqa: SIM105 - at a call of ``suppress``, a signal could raise and leave the turn taken
                self._turn.release()
            except RuntimeError:  # it was not taken
                pass


def begin(connection: sqlite3.Connection, until: float, patience: float) -> None:
    """Start the transaction of a writer.

    Args:
        connection: The connection, outside of a transaction.
        until: The time to give up, in monotonic seconds.
        patience: Seconds that the connection waits for anything else.

    Raises:
        sqlite3.OperationalError: Another process wrote until then.
    """
    try:
        connection.execute("PRAGMA busy_timeout = 0")
        execute_when_free(connection, "BEGIN IMMEDIATE", until)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")


def execute_when_free(connection: sqlite3.Connection, statement: str, until: float) -> None:
    """Run a statement, and repeat it while another process holds the lock that it needs.

    Args:
        connection: The connection, which itself does not wait for this lock.
        statement: The statement.
        until: The time to give up, in monotonic seconds.

    Raises:
        sqlite3.OperationalError: The other process held the lock until then, or the statement has another fault.
    """
    pause = PAUSE
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
