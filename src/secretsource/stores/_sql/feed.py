"""News of changes from PostgreSQL: one connection that listens, in a thread of its own.

Every transaction that changes a key notifies in the same transaction, so news is neither early nor of what was rolled
back (https://www.postgresql.org/docs/current/sql-notify.html). While there is no connection there is no news: after
each new one, the listener is told that any record may have changed.
"""

from __future__ import annotations

import threading

from secretsource.stores._sql.faults import FAULTS
from secretsource.stores._sql.statements import CHANNEL
from secretsource.stores.base import KeyChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import psycopg

    from secretsource.stores._sql.database import Database

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds before a connection is tried again; doubled each time. Once it can be had, news is late by no more."""

LOOK_UP = 1.0
"""Seconds after which it is seen whether the subscription has ended."""


class PostgresFeed:
    """One subscription.

    Args:
        database: Where to listen.
        listener: What to tell; see `ChangeFeed.subscribe`.
    """

    def __init__(self, database: Database, listener: Callable[[KeyChange], None]) -> None:
        self._database = database
        self._listener = listener
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="secretsource-listen", daemon=True)

    def begin(self) -> None:
        """Start to listen."""
        self._thread.start()

    def end(self) -> None:
        """Listen no longer; the thread ends within a second."""
        self._ended.set()

    def _listen(self) -> None:
        import psycopg

        pause = FIRST_PAUSE
        while not self._ended.is_set():
            try:
                with psycopg.connect(**self._database.driver_arguments(), autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    pause = FIRST_PAUSE
                    self._listener(KeyChange(None, 0))
                    self._pass_on(connection)
            except (psycopg.Error, *FAULTS):
                self._ended.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _pass_on(self, connection: psycopg.Connection[Any]) -> None:
        while not self._ended.is_set():
            for notify in connection.notifies(timeout=LOOK_UP):
                if self._ended.is_set():
                    return
                self._listener(_read(notify.payload))


def _read(payload: str) -> KeyChange:
    key_id, found, revision = payload.rpartition(":")
    return KeyChange(key_id, int(revision)) if found and revision.isdecimal() else KeyChange(None, 0)
