"""Scheme to store: the built-in table, then the entry points of other packages."""

from __future__ import annotations

from secretsource._drivers import Drivers
from secretsource._traceless import traceless
from secretsource.stores.base import AsyncKeyStore, KeyStore

_LIKE = "memory://  or  sqlite:///keys.db"
_GROUP = "secretsource.stores"
_EXTRAS = {"postgresql": "issuing,postgres"}
STORES = Drivers(
    "key store",
    like=_LIKE,
    extra="issuing",
    extras=_EXTRAS,
    group=_GROUP,
    targets={
        "memory": "secretsource.stores.memory:MemoryStore",
        "sqlite": "secretsource.stores._sql.store:SqlStore",
        "postgresql": "secretsource.stores._sql.store:PostgresStore",
    },
)
ASYNC_STORES = Drivers(
    "key store",
    like=_LIKE,
    extra="issuing",
    extras=_EXTRAS,
    group=_GROUP,
    targets={
        "memory": "secretsource.stores.memory:AsyncMemoryStore",
        "sqlite": "secretsource.stores._sql.async_store:AsyncSqlStore",
        "postgresql": "secretsource.stores._sql.async_store:AsyncPostgresStore",
    },
)


@traceless
def open_store(url: str) -> KeyStore:
    """Return the store that a URL names, for threads.

    Args:
        url: ``scheme://…`` or ``scheme+driver://…``, such as ``memory://``.

    Raises:
        ConfigurationError: No store has this scheme; the error names those that exist, and quotes nothing else of the
            URL.
    """
    store: KeyStore = STORES.open(url, KeyStore)
    return store


@traceless
def open_async_store(url: str) -> AsyncKeyStore:
    """Return the same as `open_store`, for an event loop."""
    store: AsyncKeyStore = ASYNC_STORES.open(url, AsyncKeyStore)
    return store
