"""Scheme to store: the built-in table, then the entry points of other packages."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from secretsource._suggest import unknown
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.stores.base import AsyncKeyStore, KeyStore

ENTRY_POINT_GROUP = "secretsource.stores"


class StoreDriver(NamedTuple):
    """A built-in store, known without importing it.

    Attributes:
        target: ``module:Class`` of the `KeyStore`.
        async_target: ``module:Class`` of the `AsyncKeyStore`.
    """

    target: str
    async_target: str


STORES: dict[str, StoreDriver] = {
    "memory": StoreDriver("secretsource.stores.memory:MemoryStore", "secretsource.stores.memory:AsyncMemoryStore"),
    "sqlite": StoreDriver("secretsource.stores.sql:SqlStore", "secretsource.stores.sql:AsyncSqlStore"),
    "postgresql": StoreDriver("secretsource.stores.sql:PostgresStore", "secretsource.stores.sql:AsyncPostgresStore"),
}


@traceless
def open_store(url: str) -> KeyStore:
    """Return the store that a URL names, for threads.

    Args:
        url: ``scheme://…`` or ``scheme+driver://…``, such as ``memory://``.

    Raises:
        ConfigurationError: No store has this scheme; the error names those that exist, and quotes nothing else of the
            URL.
    """
    scheme = _scheme(url)
    driver = STORES.get(scheme)
    store = _load(driver.target) if driver else _from_entry_point(scheme, KeyStore)
    assert issubclass(store, KeyStore)
    return store.open(url)


@traceless
def open_async_store(url: str) -> AsyncKeyStore:
    """Return the same as `open_store`, for an event loop."""
    scheme = _scheme(url)
    driver = STORES.get(scheme)
    store = _load(driver.async_target) if driver else _from_entry_point(scheme, AsyncKeyStore)
    assert issubclass(store, AsyncKeyStore)
    return store.open(url)


def _scheme(url: object) -> str:
    scheme, found, _ = url.partition("://") if isinstance(url, str) and url.isprintable() else ("", "", "")
    if found:
        return scheme.partition("+")[0]
    raise ConfigurationError("a key store is named by a URL: write  memory://  or  sqlite:///keys.db")


def _load(target: str) -> type:
    module, _, attribute = target.partition(":")
    try:
        loaded: type = getattr(import_module(module), attribute)
        return loaded
    except ModuleNotFoundError:
        pass
    raise ConfigurationError(
        "this key store needs a package that is not installed: run  pip install 'secretsource[issuing]'"
    )


def _from_entry_point(scheme: str, kind: type) -> type:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP, name=scheme):
        loaded = point.load()
        if isinstance(loaded, type) and issubclass(loaded, kind):
            return loaded
    known = {*STORES, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))}
    raise ConfigurationError(unknown("key store", scheme[:40], known))
