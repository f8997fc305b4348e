"""News of changes from an SQLite file: one connection that looks for commits 20 times a second.

``PRAGMA data_version`` reports commits in some microseconds. Only then are the newer events read: they are numbered in
the order of their commits, because SQLite has one writer at a time. A flush of uses writes no event.
"""

from __future__ import annotations

import threading
import time

from secretsource._ground import fork
from secretsource.exceptions import StoreError
from secretsource.stores._feed.news import GAP
from secretsource.stores._sql.connections.faults import diagnose
from secretsource.stores._sql.rows.tables import EVENTS, OWNER_EVENTS
from secretsource.stores.base import KeyChange
from secretsource.stores.feeds import FeedHealth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.connections.sqlite_file import SqliteConnection, SqliteFile

PAUSE = 0.05
"""Seconds between two looks; news is late by no more than this and one look."""
LONGEST_PAUSE = 1.0
"""Seconds between two looks at an unreadable file; doubled each time until it is readable."""
MOST = 1000
"""Greatest number of changes named one by one; more at once are announced as a gap."""

_VERSION = "PRAGMA data_version"
_LAST, _LAST_OF_OWNERS = (
    f"SELECT coalesce(max(rowid), 0) FROM {table.name}"  # noqa: S608 - made of our own names
    for table in (EVENTS, OWNER_EVENTS)
)
_NEWER = f"SELECT key_id, revision FROM {EVENTS.name} WHERE rowid > ? ORDER BY rowid LIMIT {MOST}"  # noqa: S608 - the same
_NEWER_OWNERS = (
    f"SELECT subject, id FROM {OWNER_EVENTS.name}"  # noqa: S608 - the same
    f" WHERE rowid > ? AND subject IN ('owner', 'plan') ORDER BY rowid LIMIT {MOST}"
)


class SqliteFeed:
    """One subscription; call it to end it.

    Args:
        database: Makes the tables if necessary.
        file: The file to look at.
        listener: Called with each change; see `ChangeFeed.subscribe`.
    """

    def __init__(self, database: Database, file: SqliteFile, listener: Callable[[KeyChange], None]) -> None:
        self._database = database
        self._file = file
        self._listener = listener
        self._ended = False
        self._health = FeedHealth(database.address.shown, False, time.time())
        self._position: tuple[int, int] | None = None
        self._begin_anew()
        fork.tell(self)

    def _begin_anew(self) -> None:
        self._looking = threading.Lock()
        self._connection: SqliteConnection | None = None
        self._version: int | None = None

    def after_fork(self) -> None:
        """End in a forked child, which has no such thread; subscribe again to receive news there."""
        self._ended = True
        self._begin_anew()

    def begin(self) -> None:
        """Start to look."""
        threading.Thread(target=self._listen, name="secretsource-listen", daemon=True).start()

    def __call__(self) -> None:
        """Stop looking, and close the connection."""
        self._ended = True
        self._health = self._health._replace(listening=False)
        with self._file.turns.mine(), self._looking:  # in the order of `_look`: a fork may have all turns
            if self._connection is not None:
                self._connection.close()

    def health(self) -> FeedHealth:
        """Return whether the last look could read the file."""
        return self._health

    def _listen(self) -> None:
        pause = PAUSE
        while not self._ended:
            try:
                self._pass_on(self._look())
            except Exception as error:  # also of the listener: without this thread, no news would arrive
                pause = min(pause * 2, LONGEST_PAUSE)  # changes during the read have higher numbers
                self._doubt(error)
            else:
                pause = PAUSE
                if not self._health.listening and not self._ended:
                    self._health = FeedHealth(self._health.name, True, time.time(), self._health.heard)
            time.sleep(pause)  # without a lock, which a fork would copy

    def _pass_on(self, changes: Sequence[KeyChange]) -> None:
        """Announce changes; if that fails, the next look announces a gap."""
        if changes:
            self._health = self._health._replace(heard=time.time())
        try:
            for change in changes:
                self._listener(change)
        except Exception:
            self._position = self._version = None
            raise

    def _doubt(self, error: Exception) -> None:
        since = time.time() if self._health.listening else self._health.since
        trouble = str(error) if isinstance(error, StoreError) else diagnose(error).sentence
        self._health = self._health._replace(listening=False, since=since, trouble=trouble)

    def _look(self) -> Sequence[KeyChange]:
        """Return the changes since the last look."""
        with self._file.turns.mine(), self._looking:
            if self._ended:
                return ()
            connection = self._opened()
            version: int = connection.execute(_VERSION).fetchone()[0]
            if version == self._version:
                return ()
            changes = self._changes(connection)
            self._version = version
        return changes

    def _opened(self) -> SqliteConnection:
        connection = self._connection
        if connection is None or not connection.is_current():  # the first, or there was a fork in between
            self._database.open()
            before, connection = connection, self._file.connect()
            if before is not None and before.identity != connection.identity:  # numbered by another file
                self._position = None
                before.close()
            self._connection, self._version = connection, None
        return connection

    def _changes(self, connection: SqliteConnection) -> Sequence[KeyChange]:
        before = self._position
        first, second = (connection.execute(last).fetchone()[0] for last in (_LAST, _LAST_OF_OWNERS))
        self._position = last = (first, second)
        if before is None or not all(0 <= at - since <= MOST for at, since in zip(last, before, strict=True)):
            return (GAP,)  # the first, too many, or numbered anew
        keys = [KeyChange(*row) for row in connection.execute(_NEWER, before[:1]).fetchall()]
        of_owners = connection.execute(_NEWER_OWNERS, before[1:]).fetchall()
        return keys + [KeyChange.of_terms(subject, id) for subject, id in of_owners]


class Alone:
    """The subscription to a database in memory, which no other process changes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> None:
        """Do nothing, because nothing was started."""

    def health(self) -> FeedHealth:
        """Return True: there is no news to miss."""
        return FeedHealth(self._name, True)
