"""Keys in an SQL database: a file of SQLite, or PostgreSQL.

    sqlite:///keys.db                            a file, made with its tables when it is first used, 0600
    sqlite://                                    in memory, for one process and as long as the store is open
    postgresql://user:password@host/database     after  secretsource keys migrate --create,  or with  ?create=true

SQLite is opened in WAL mode, so readers never wait. Several processes of one machine may share a file, but several
machines may not. Both databases announce changes to every process (`ChangeFeed`): PostgreSQL at the commit, and a file
is looked at 20 times a second. The statements are written once, in `_sql.statements`; the transactions once, in
`_sql.transactions`.
"""

from __future__ import annotations

from secretsource._traceless import traceless
from secretsource.stores._sql.async_store import AsyncPostgresStore, AsyncSqlStore
from secretsource.stores._sql.connections import address
from secretsource.stores._sql.connections.database import Database
from secretsource.stores._sql.store import PostgresStore, SqlStore

__all__ = ["AsyncPostgresStore", "AsyncSqlStore", "PostgresStore", "SqlStore", "current_revision", "migrate"]


@traceless
def migrate(url: str) -> str:
    """Bring a database to the version that this package needs, and give an empty one its tables.

    Args:
        url: As `SqlStore.open` takes it.

    Returns:
        The version it has now, such as ``0002``.

    Raises:
        ConfigurationError: The URL cannot work, or the database is of a version that this package does not know.
        StoreError: The database could not do it; the changes were undone.
    """
    return Database(address.read(url)).migrate().after


@traceless
def current_revision(url: str) -> str | None:
    """Return the version of a database, such as ``0002``; None if it has no tables of ours.

    Args:
        url: As `SqlStore.open` takes it.

    Raises:
        ConfigurationError: The URL cannot work.
        StoreError: The database could not answer.
    """
    return Database(address.read(url)).version()
