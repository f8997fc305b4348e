"""The URL of an SQL store, read once; what is shown of it has no user, no password and no options."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlalchemy import URL

BUSY_TIMEOUT = 5.0
"""Seconds that a writer waits for another one of an SQLite file, where the URL says nothing else."""

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


class Address(NamedTuple):
    """Where a database is.

    Attributes:
        dialect: ``sqlite`` or ``postgresql``.
        url: For the driver, without our options; it may hold a password.
        path: The file of an SQLite database; empty for one in memory.
        create: Whether an empty database is given its tables without being asked again.
        timeout: Seconds to wait for a lock of an SQLite file.
        shown: What may be shown of it.
    """

    dialect: str
    url: URL
    path: str
    create: bool
    timeout: float
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def read(text: str) -> Address:
    """Read the URL of an SQL store.

    Args:
        text: ``sqlite:///file``, ``sqlite://`` for a database in memory, ``postgresql://user:password@host/database``;
            with ``?create=true`` an empty database is given its tables, ``?timeout=`` is for SQLite only, and anything
            else is for libpq.

    Raises:
        ConfigurationError: It cannot work; it is not quoted.
    """
    try:
        url = make_url(text)
        dialect = url.get_backend_name()
    except (ArgumentError, ValueError):
        del text
        url, dialect = None, ""
    if url is None or dialect not in _DRIVERS:
        raise ConfigurationError(
            "the URL of an SQL key store cannot be read: write  sqlite:///keys.db  or  postgresql://USER@HOST/DATABASE"
        )
    if url.drivername not in (dialect, _DRIVERS[dialect]):
        raise ConfigurationError(f"a key store on {dialect} is reached by {_DRIVERS[dialect]}://, and no other driver")
    create = _flag(url.query.get("create", "false"))
    driver_url = url.difference_update_query(["create"]).set(drivername=_DRIVERS[dialect])
    if dialect == "sqlite":
        return _sqlite(driver_url)
    shown = f"postgresql://{url.host or 'local'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    return Address(dialect, driver_url, "", create, BUSY_TIMEOUT, shown)


def _sqlite(url: URL) -> Address:
    options = dict(url.query)
    timeout = _seconds(options.pop("timeout", BUSY_TIMEOUT))
    if options or url.host:
        raise ConfigurationError(
            "a key store on SQLite is a file on this machine, with  timeout=SECONDS  as its only option: "
            "write  sqlite:///keys.db  or  sqlite:////srv/keys.db"
        )
    path = "" if url.database in (None, "", ":memory:") else str(url.database)
    return Address("sqlite", url.set(query={}), path, True, timeout, f"sqlite:///{path}" if path else "sqlite://")


def _flag(given: object) -> bool:
    if given in _TRUE or given in _FALSE:
        return given in _TRUE
    raise ConfigurationError("the option  create  of a key store's URL is true or false")


def _seconds(given: object) -> float:
    try:
        seconds = float(str(given))
    except ValueError:
        seconds = -1.0
    if 0 <= seconds <= 3600:
        return seconds
    raise ConfigurationError("the option  timeout  of a key store's URL is in seconds, 0 to 3600")
