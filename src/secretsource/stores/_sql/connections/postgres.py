"""Sessions on a PostgreSQL server: their start, their settings, and their time limits.

Every statement names the schema of our tables, and a session looks for everything else in ``pg_catalog`` alone.
Otherwise another user of the database could place tables, functions or operators before the intended ones
(https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS). Only migrations look into the schema.
Behind a pooler that shares sessions between clients, nothing is prepared, and each transaction gets the settings anew.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import create_engine, event

from secretsource._ground.beginnings import beginning
from secretsource.exceptions import StoreError
from secretsource.stores._sql.connections.sockets import SOCKETS
from secretsource.stores._sql.rows.tables import KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import URL, Connection, Engine

    from secretsource.stores._sql.connections.address import Address
    from secretsource.stores._sql.connections.timed import AsyncTimedConnection, TimedConnection

MIGRATING = 3600.0
"""Seconds that a migration may take, and wait for another migration."""

_LIBPQ = {"connect_timeout": "5", "tcp_user_timeout": "15000", "application_name": "secretsource"}
"""The options of libpq, unless the URL says otherwise: no question waits long for a dead server."""

_OURS = {"client_encoding": "UTF8"}
"""The options of libpq that neither the URL nor the settings of a user may change."""

_DURABLE = (
    "pg_catalog.set_config('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END, {is_local})"
)
"""The setting by which a confirmed change outlives a crash of the server; a stronger one stays."""

_LOCKED = 0.8
"""Share of the time for an answer that may be spent on a lock, so that the server can report it."""

_SAFE = "pg_catalog, pg_temp"
"""The search path of a session: otherwise pg_temp would come first."""

FIND = (
    "SET LOCAL search_path TO DEFAULT; "  # noqa: S608 - of our own name; behind a pooler, somebody may have set it
    "SELECT n.nspname FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    f" WHERE c.relname OPERATOR(pg_catalog.=) '{KEYS.name}'::pg_catalog.name"
    " AND n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))"
).encode()
"""The schemas of the search path that hold our tables; it calls no function that another user could have placed
there."""


class Unheard(Exception):
    """An error: notices do not arrive on a connection."""


class Server:
    """The maker of sessions.

    Args:
        address: The place of the database.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._schema = address.schema
        self._questions: dict[str, bytes] = {}

    def engine(self, *, migrates: bool = False) -> Engine:
        """Return an engine for transactions.

        Args:
            migrates: Whether they change tables, which takes longer, and is written without the schema.
        """
        patience = MIGRATING if migrates else self.address.timeout
        engine = create_engine(
            "postgresql+psycopg://",
            creator=partial(self.connect, patience, autocommit=False, migrates=migrates),
            pool_pre_ping=True,
            hide_parameters=True,
            pool_size=8,
            max_overflow=8,
            pool_timeout=patience,
        )
        event.listen(engine, "begin", partial(self._begin, patience, migrates))
        return engine

    def connect(self, patience: float, *, autocommit: bool, migrates: bool = False) -> TimedConnection:
        """Start a session, for threads.

        Raises:
            StoreError: The database has our tables twice.
        """
        from psycopg import IsolationLevel

        from secretsource.stores._sql.connections.timed import TimedConnection

        with beginning():
            connection = TimedConnection.connect(**self._arguments(), autocommit=True)
        SOCKETS.add(connection)
        try:
            connection.patience = patience
            # A reader that waited for a lock must see what was committed meanwhile.
            connection.isolation_level = IsolationLevel.READ_COMMITTED
            if not self._schema:
                self._schema = self._chosen(connection.execute(FIND))
            if not self.address.pooled:
                connection.execute(self.settings(patience, migrates=migrates), ())
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
        return connection

    async def aconnect(self, patience: float) -> AsyncTimedConnection:
        """Start a session as `connect` does, for an event loop, in autocommit."""
        from secretsource.stores._sql.connections.timed import AsyncTimedConnection

        with beginning():  # of the thread of the loop
            connection = await AsyncTimedConnection.connect(**self._arguments(), autocommit=True)
        SOCKETS.add(connection)
        try:
            connection.patience = patience
            if not self._schema:
                self._schema = self._chosen(await connection.execute(FIND))
            if not self.address.pooled:
                await connection.execute(self.settings(patience), ())
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def listens_to(self) -> str:
        """The source of news, for messages."""
        return (self.address.feed or self.address).shown

    def listen(self) -> psycopg.Connection[Any]:
        """Return a connection for notices, which waits for them without end.

        Raises:
            Unheard: A pooler would take the connection, and no notice would arrive.
        """
        import psycopg

        if self.address.pooled and self.address.feed is None:
            raise Unheard
        with beginning():
            connection = psycopg.connect(**arguments((self.address.feed or self.address).url), autocommit=True)
        SOCKETS.add(connection)
        return connection

    def announce(self, channel: str) -> None:
        """Send an empty notice by the way of all changes, over its own connection."""
        with self.connect(self.address.timeout, autocommit=True) as connection:
            connection.execute("SELECT pg_catalog.pg_notify(%s, '')", [channel])

    def question(self, template: str) -> bytes:
        """Return a query of one row; behind a pooler it contains the settings that a session would have."""
        known = self._questions.get(template)
        if known is None:
            schema = _identifier(self._schema).replace("%", "%%") + "." if self._schema else ""
            query = template.format(schema=schema).encode()
            known = self.settings(self.address.timeout) + b"; " + query if self.address.pooled else query
            if self._schema:
                self._questions[template] = known
        return known

    def settings(self, patience: float, *, migrates: bool = False) -> bytes:
        """Return the statement of a session's settings; behind a pooler, for one transaction."""
        milliseconds = round(patience * 1000)
        values = {
            "statement_timeout": f"{milliseconds}",
            "lock_timeout": f"{round(milliseconds * _LOCKED)}",
            "idle_in_transaction_session_timeout": f"{milliseconds}",  # of a process that stands still, and holds locks
        }
        if self._schema:
            values["search_path"] = f"{_identifier(self._schema)}, pg_temp" if migrates else _SAFE
        is_local = "true" if self.address.pooled else "false"
        calls = [f"pg_catalog.set_config('{name}', {_quoted(value)}, {is_local})" for name, value in values.items()]
        return f"SELECT {', '.join([*calls, _DURABLE.format(is_local=is_local)])}".encode()

    def _begin(self, patience: float, migrates: bool, connection: Connection) -> None:
        if self._schema and not migrates:
            connection.execution_options(schema_translate_map={None: self._schema})
        if self.address.pooled:
            connection.exec_driver_sql(self.settings(patience, migrates=migrates).decode())

    def _arguments(self) -> dict[str, Any]:
        given = arguments(self.address.url)
        return {**given, "prepare_threshold": None} if self.address.pooled else given

    def _chosen(self, cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> str:
        """Return the schema of our tables, from the answer to `FIND`; empty without tables."""
        cursor.nextset()
        found = cursor.pgresult
        assert found is not None
        names = (found.get_value(row, 0) for row in range(found.ntuples))
        schemas = [name.decode() for name in names if name is not None]
        if len(schemas) > 1:
            raise StoreError(
                f"the key store {self.address.shown} has tables of this name in several schemas: "
                "name the right one in its URL with  schema=  (another user may have made the other)"
            )
        return schemas[0] if schemas else ""


def arguments(url: URL) -> dict[str, Any]:
    """Return the arguments of ``psycopg.connect``."""
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    given = {name: value for name, value in named.items() if value is not None}
    return {**_LIBPQ, **given, "dbname": url.database or "postgres", **url.query, **_OURS}


def _identifier(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """Return a text as SQL writes it; a percent sign is doubled for the driver."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
