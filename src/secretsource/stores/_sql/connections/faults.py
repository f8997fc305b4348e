"""The faults of a database, by its own codes, and their sentences. Pure.

The sentence is chosen by code only: the message of a driver may quote a row, a statement or a URL.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html and https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Fault(NamedTuple):
    """One kind of failure of a database.

    Attributes:
        sentence: The failure and the next step, to follow "the key store … ".
        again: Whether only other transactions caused the rollback, so that a second attempt may succeed.
        taken: Whether a unique value is already taken.
        lost: Whether the connection has become useless.
        stale: Whether all connections may lead to a server that is no longer the right one.
    """

    sentence: str
    again: bool = False
    taken: bool = False
    lost: bool = False
    stale: bool = False


MIGRATE = "lacks the tables of this version: run  secretsource keys migrate"
_LOST = Fault("cannot be reached, or broke the connection: see that it runs and is reachable from here", lost=True)
_FULL = Fault("has no room left on its disk: free some, nothing was stored")
_READ_ONLY = Fault(
    "can only be read: connect to the primary (with several hosts, target_session_attrs=read-write), or allow writing",
    again=True,
    stale=True,
)
_REFUSED = Fault("refused the record: a text in it cannot be stored, or it breaks a rule of the database")
_TAKEN = Fault("already has a key with this identifier", taken=True)
_SCHEMA = Fault(MIGRATE)
_BUSY = Fault("is locked by another writer for too long: try again, or give the URL a longer timeout")
_LATE = Fault("gave no answer in time: see that it runs and is reachable from here, or give its URL a longer timeout")
POOLED = Fault("is behind a pooler that shares sessions: add  pooler=transaction  to its URL, and  feed_url=  for news")
_NO_OPTIONS = Fault(
    "is behind a pooler that takes no  options=  in its URL: leave them out, and use  schema=  for a schema"
)
_DAMAGED = Fault("is not a database of ours, or is damaged: restore it from a backup")
CROWDED = Fault("has no connection free for a look-up: see why it answers slowly, or ask it less at once")
UNHEARD = Fault(
    "does not send news of changes here: give its URL  feed_url=  with the server itself, not a pooler or a replica",
)
_UNKNOWN = Fault("could not answer: see its own log for the reason, then try again")

_POSTGRESQL = {
    "08": _LOST,
    "22": _REFUSED,
    "23": _REFUSED,
    "23505": _TAKEN,
    "26000": POOLED,
    "42P05": POOLED,
    "25006": _READ_ONLY,
    "25P03": Fault(
        "undid this change, because this process paused in the middle of it: try again", again=True, lost=True
    ),
    "28": Fault("does not let this user in: check the user and the password in its URL"),
    "3D000": Fault("does not exist: create the database, or correct its name in the URL"),
    "40001": Fault("kept undoing this change because of others made at the same time: try again", again=True),
    "40P01": Fault("kept undoing this change to end a deadlock: try again", again=True),
    "42501": Fault("does not allow this user to use its tables: grant it the rights"),
    "42P01": _SCHEMA,
    "42703": _SCHEMA,
    "53": Fault("is out of memory or connections: raise its limits, or lower the number of processes"),
    "53100": _FULL,
    "55P03": Fault("kept the rows locked for too long: end the transaction that holds it, and try again"),
    "57014": Fault("took longer than its statement_timeout: look at its load, or give its URL a longer timeout"),
    "57P": _LOST,
    "58": Fault("has trouble with its disk: see its own log"),
    "XX": _DAMAGED,
}
_NAMED = {"LateAnswer": _LATE, "OperationalError": _LOST, "DataError": _REFUSED}
"""Errors of psycopg without a code, by the name of their class."""
_SQLITE = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _READ_ONLY._replace(
        sentence="can only be read: let the user that runs this process write to its file and its folder"
    ),
    sqlite3.SQLITE_READONLY_DBMOVED: Fault("is gone from its place: put its file back, or start this process again"),
    sqlite3.SQLITE_IOERR: Fault("has trouble with its disk: see the system's log"),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: Fault(
        "cannot be opened: see that its folder exists, and that this process may write to it and its file"
    ),
    sqlite3.SQLITE_CONSTRAINT: _REFUSED,
    sqlite3.SQLITE_ERROR: _SCHEMA,
}
_SQLITE_TAKEN = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})

FAULTS = (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError)
"""The errors of a database or its driver; psycopg's own are added where it is imported."""


def diagnose(error: BaseException) -> Fault:
    """Return the fault behind an error of a database or its driver."""
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated
        found = diagnose(error.orig) if error.orig is not None else _UNKNOWN
        return _LOST if lost and found is _UNKNOWN else found
    if isinstance(error, (UnicodeError, OverflowError)):
        return _REFUSED
    if isinstance(error, PoolTimeout):
        return Fault("is too slow for the number of questions it is asked: look at its load")
    if isinstance(error, OSError):
        return _SQLITE[sqlite3.SQLITE_CANTOPEN]
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(getattr(error, "sqlite_errorcode", 0))
    return _of_postgresql(error)


def _of_sqlite(code: int) -> Fault:
    return _TAKEN if code in _SQLITE_TAKEN else _SQLITE.get(code, _SQLITE.get(code & 0xFF, _UNKNOWN))


def _of_postgresql(error: BaseException) -> Fault:
    state = getattr(error, "sqlstate", None)
    if state is None:
        if "unsupported startup parameter" in str(error):  # a pooler says it before there is a code
            return _NO_OPTIONS
        return next((_NAMED[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _NAMED), _UNKNOWN)
    return next((_POSTGRESQL[code] for code in _classes(state) if code in _POSTGRESQL), _UNKNOWN)


def _classes(state: str) -> Iterator[str]:
    """Return a SQLSTATE, and the classes it belongs to, from the narrowest to the widest."""
    return (state[:length] for length in (5, 3, 2))
