"""The URL of an SQL store, read once; messages show it without user, password and options."""

from __future__ import annotations

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError
from secretsource.stores._sql.connections import hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL

BUSY_TIMEOUT = 5.0
"""Seconds that a writer waits for another writer of an SQLite file, unless the URL says otherwise."""
TIMEOUT = 5.0
"""Seconds that PostgreSQL may take for an answer, unless the URL says otherwise."""
LAG = 5.0
"""Seconds by which a replica may lag behind, unless the URL says otherwise."""

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_OURS = ("create", "timeout", "pooler", "schema", "feed_url", "read_url", "read_lag")


class Address(NamedTuple):
    """The place of a database.

    Attributes:
        dialect: ``sqlite`` or ``postgresql``.
        url: The driver's URL, without our options; it may hold a password.
        path: The file of an SQLite database; empty for one in memory.
        create: Whether an empty database is given its tables at once.
        timeout: Seconds to wait for a lock of an SQLite file, or for an answer of PostgreSQL.
        aside: Whether an event loop looks keys up in threads, because the disk of an SQLite file is slow.
        shown: The part that messages may show.
        pooled: Whether a pooler gives each transaction a session that others have used.
        schema: The schema of our tables; empty if it must be found.
        feed: The server for news of changes; None for the same server.
        replica: The server where checks read records; None for the same server.
        lag: Seconds by which the replica may lag behind; past it, checks read from the primary again.
    """

    dialect: str
    url: URL
    path: str
    create: bool
    timeout: float
    shown: str
    pooled: bool = False
    schema: str = ""
    feed: Address | None = None
    replica: Address | None = None
    lag: float = LAG
    aside: bool = False

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def read(text: str) -> Address:
    """Read the URL of an SQL store.

    Args:
        text: ``sqlite:///file``, ``sqlite://`` for a database in memory, or
            ``postgresql://user:password@host/database``, also with several hosts. With ``?create=true`` an empty
            database is given its tables; ``?timeout=`` is the time it may take. SQLite also has ``lookups``, and
            PostgreSQL ``pooler``, ``schema``, ``feed_url``, ``read_url`` and ``read_lag``; anything else is for libpq.

    Raises:
        ConfigurationError: The URL cannot work; it is not quoted.
    """
    url = _parse(text)
    del text
    dialect = url.get_backend_name()
    create = _flag(url.query.get("create", "false"))
    if dialect == "sqlite":
        return _sqlite(url.difference_update_query(["create"]))
    ours = {name: value for name, value in url.query.items() if name in _OURS}
    server = url.difference_update_query(_OURS)
    pooler, schema = ours.get("pooler", ""), ours.get("schema", "")
    if pooler not in ("", "transaction"):
        raise ConfigurationError("the option  pooler  of a key store's URL must be  transaction,  or left out")
    return _at(server)._replace(
        create=create,
        timeout=_seconds("timeout", ours.get("timeout", TIMEOUT), 0.05),
        pooled=bool(pooler),
        schema=str(schema),
        feed=_beside("feed_url", ours, server),
        replica=_beside("read_url", ours, server),
        lag=_seconds("read_lag", ours.get("read_lag", LAG), 0.05),
    )


def _parse(text: str) -> URL:
    try:
        url = hosts.spread(text, make_url)
        dialect = url.get_backend_name()
        is_whole = not _lacks_a_value(text)
    except (ArgumentError, ValueError):
        del text
        url, dialect, is_whole = None, "", True
    if not is_whole:
        raise ConfigurationError("an option of a key store's URL has no value: write  ?NAME=VALUE,  or leave it out")
    if url is None or dialect not in _DRIVERS:
        raise ConfigurationError(
            "the URL of an SQL key store cannot be read: write  sqlite:///keys.db  or  postgresql://USER@HOST/DATABASE"
        )
    if url.drivername not in (dialect, _DRIVERS[dialect]):
        raise ConfigurationError(
            f"a key store on {dialect} must have a URL with {_DRIVERS[dialect]}://, and no other driver"
        )
    if any(name in str(url.password) for name in ("?feed_url=", "&feed_url=", "?read_url=", "&read_url=")):
        raise ConfigurationError(
            "a URL inside of a key store's URL must be percent-encoded: use  urllib.parse.quote(…)"
        )
    return url.set(drivername=_DRIVERS[dialect])


def _lacks_a_value(text: str) -> bool:
    """Return whether an option is empty, such as  sslmode=  from a variable that is not set; parsers drop it."""
    query = text.rpartition("@")[2].partition("?")[2]
    return any(not (name and value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))


def _at(url: URL) -> Address:
    """Return the address of a server, without our own options."""
    return Address("postgresql", url, "", False, TIMEOUT, f"postgresql://{hosts.shown(url)}/{url.database or ''}")


def _beside(option: str, ours: Mapping[str, object], main: URL) -> Address | None:
    """Return another server of the same database; omitted parts of its URL are as in the main URL."""
    text = ours.get(option)
    if text is None:
        return None
    url = _parse(text) if isinstance(text, str) else None
    if url is None or url.get_backend_name() != "postgresql" or set(url.query) & set(_OURS):
        raise ConfigurationError(
            f"the option  {option}  of a key store's URL must be the URL of another PostgreSQL server: postgresql://HOST:PORT"
        )
    inherited = {name: value for name, value in main.query.items() if name not in hosts.OPTIONS}
    return _at(
        url.set(
            username=url.username or main.username,
            password=url.password or (main.password if url.username in (None, main.username) else None),
            database=url.database or main.database,
            query={**inherited, **url.query},
        )
    )


def _sqlite(url: URL) -> Address:
    options = dict(url.query)
    timeout = _seconds("timeout", options.pop("timeout", BUSY_TIMEOUT), 0.0)
    lookups = options.pop("lookups", "loop")
    if options or url.host:
        raise ConfigurationError(
            "a key store on SQLite must be a file on this machine, with  timeout=SECONDS  and  lookups=threads  as its "
            "only options: write  sqlite:///keys.db  or  sqlite:////srv/keys.db"
        )
    if lookups not in ("loop", "threads"):
        raise ConfigurationError("the option  lookups  of a key store's URL must be  loop  or  threads")
    if url.database == "":
        raise ConfigurationError(
            "the URL of a key store on SQLite has no name of a file after  sqlite:/// : write  sqlite:///keys.db, or "
            " sqlite://  for a store in memory"
        )
    path = "" if url.database in (None, ":memory:") else str(url.database)
    shown = f"sqlite:///{path}" if path else "sqlite://"
    return Address("sqlite", url.set(query={}), path, True, timeout, shown, aside=lookups == "threads")


def _flag(given: object) -> bool:
    if given in _TRUE or given in _FALSE:
        return given in _TRUE
    raise ConfigurationError("the option  create  of a key store's URL must be true or false")


def _seconds(option: str, given: object, least: float) -> float:
    try:
        seconds = float(str(given))
    except ValueError:
        seconds = -1.0
    if least <= seconds <= 3600:
        return seconds
    raise ConfigurationError(f"the option  {option}  of a key store's URL must be in seconds, {least:g} to 3600")
