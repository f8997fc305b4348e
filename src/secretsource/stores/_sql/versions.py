"""The version of a database by its URL: read, and brought up to date; `stores.sql` gives both."""

from __future__ import annotations

from secretsource._traceless import traceless
from secretsource.stores._sql import address
from secretsource.stores._sql.database import Database

__all__ = ["current_revision", "migrate"]


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
