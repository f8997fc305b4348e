"""The version of a database: read, compared, and brought up to date.

An empty database is given the tables as `tables` has them. An older database is taken from version to version by the
Alembic migrations in `secretsource.stores.migrations`. A test compares both results.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, inspect, select, text

from secretsource._ground.key_text import quote
from secretsource.stores._sql.connections.faults import MIGRATE
from secretsource.stores._sql.rows.tables import HEAD, KEYS, VERSION_TABLE, VERSIONS, tables_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlalchemy import Connection

_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
_CREATION_LOCK = 0x5EC2E750
"""Our name among PostgreSQL's advisory locks: one process makes or changes tables, the others wait."""


def current(connection: Connection) -> str | None:
    """Return the version of a database, such as ``0002``; None if it is not ours, or empty."""
    if not _has_table(connection, VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def complaint(version: str | None) -> str | None:
    """Return the problem with the version of a database, to follow "the key store … ", or None."""
    if version == HEAD:
        return None
    if version is None:
        return "has no tables of ours yet: run  secretsource keys migrate --create"
    return foreign(version) or f"{MIGRATE} (it is of version {version:.32}, {HEAD} is needed)"


def foreign(version: str | None) -> str | None:
    """Return the sentence about a version that this package does not know, to follow "the key store … "."""
    if version is None or version in VERSIONS:
        return None
    if version.isdecimal() and version > HEAD:
        return f"is of version {version:.32}, and this package knows up to {HEAD}: upgrade secretsource"
    return f"says that it is of version {quote(version, 32)}, which never existed: restore its table {VERSION_TABLE}"


def create(connection: Connection) -> str | None:
    """Make the tables of an empty database; a database with tables is left as it is.

    The transaction must be a writing one; a second process finds the tables made.

    Returns:
        The version that the database has now; None if it has tables without one.
    """
    lock(connection)
    version = current(connection)
    if version is None and not _has_table(connection, KEYS.name):
        tables_for(connection.dialect.name).create_all(connection, checkfirst=False)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert(), {"version_num": HEAD})
        version = HEAD
    return version


def upgrade(connection: Connection) -> str | None:
    """Bring a database to the newest version, from any known version, or from an empty one.

    Returns:
        The version before; if this package does not know it, nothing was done.
    """
    lock(connection)
    version = current(connection)
    if version in {None, *VERSIONS} - {HEAD}:
        from alembic import command

        command.upgrade(_configuration(connection), "head")
    return version


def _has_table(connection: Connection, name: str) -> bool:
    """Return whether there is a table where statements on this connection look for it."""
    schemas = connection.get_execution_options().get("schema_translate_map", {})
    return inspect(connection).has_table(name, schema=schemas.get(None))


def lock(connection: Connection) -> None:
    """Let no other process make or change tables until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATION_LOCK})


def _configuration(connection: Connection) -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option(
        "script_location", str(files("secretsource.stores") / "migrations").replace("%", "%%")
    )
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration
