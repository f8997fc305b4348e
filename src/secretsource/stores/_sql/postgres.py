"""Sessions on a PostgreSQL server: how they are begun, what they are told, and how long they may take.

Every statement names the schema of our tables, and a session looks for everything else in ``pg_catalog`` alone.
Otherwise another user of the database could put tables, functions or operators in front of those that are meant
(https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS). Only migrations look into the schema.
Behind a pooler that shares sessions between clients, nothing is prepared, and each transaction is told anew.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import create_engine, event

from secretsource import _fork
from secretsource.exceptions import StoreError
from secretsource.stores._sql.tables import KEYS
from secretsource.stores._sql.turns import Turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import URL, Connection, Engine

    from secretsource.stores._sql.address import Address
    from secretsource.stores._sql.timed import AsyncTimedConnection, TimedConnection

MIGRATING = 3600.0
"""Seconds that a migration may take, and wait for another one."""

_LIBPQ = {"connect_timeout": "5", "tcp_user_timeout": "15000", "application_name": "secretsource"}
"""What libpq is told where the URL says nothing else: no question waits for a dead server for long."""

_LOCKED = 0.8
"""Which part of the time for an answer may be spent on a lock; so that the server can say what it waited for."""

_SAFE = "pg_catalog, pg_temp"
"""Where a session looks: pg_temp would else come first."""

FIND = (
    "SET LOCAL search_path TO DEFAULT; "  # noqa: S608 - of our own name; behind a pooler, somebody may have set it
    "SELECT n.nspname FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    f" WHERE c.relname OPERATOR(pg_catalog.=) '{KEYS.name}'::pg_catalog.name"
    " AND n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))"
).encode()
"""The schemas of the search path that hold our tables; it calls nothing that others could have put there."""


class _Beginnings:
    """The sessions that are being begun, for which a fork waits: each thread takes its turn meanwhile.

    The libraries that libpq needs for names, keys and certificates lock what is common to a process. A child would wait
    for ever for what another thread held there.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        _fork.ask(self)

    def before_fork(self) -> None:
        """Wait until no thread begins a session."""
        self.turns.take_all(_fork.PATIENCE)

    def after_fork_in_parent(self) -> None:
        """Let all threads begin sessions again."""
        self.turns.give_back()

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self.turns = Turns()


_BEGINNINGS = _Beginnings()


class Unheard(Exception):
    """Notices do not arrive on a connection."""


class Server:
    """Where sessions are begun.

    Args:
        address: Where it is.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._schema = address.schema
        self._questions: dict[str, bytes] = {}

    def engine(self, *, migrates: bool = False) -> Engine:
        """An engine for transactions.

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
        """Begin a session, for threads.

        Raises:
            StoreError: The database has our tables twice.
        """
        from secretsource.stores._sql.timed import TimedConnection

        with _BEGINNINGS.turns.mine():
            connection = TimedConnection.connect(**self._arguments(), autocommit=True)
        try:
            connection.patience = patience
            if not self._schema:
                self._schema = self._chosen(connection.execute(FIND))
            if not self.address.pooled:
                connection.execute(self.told(patience, migrates=migrates), ())
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
        return connection

    async def aconnect(self, patience: float) -> AsyncTimedConnection:
        """As `connect`, for an event loop, in autocommit."""
        from secretsource.stores._sql.timed import AsyncTimedConnection

        with _BEGINNINGS.turns.mine():  # of the thread of the loop
            connection = await AsyncTimedConnection.connect(**self._arguments(), autocommit=True)
        try:
            connection.patience = patience
            if not self._schema:
                self._schema = self._chosen(await connection.execute(FIND))
            if not self.address.pooled:
                await connection.execute(self.told(patience), ())
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def listens_to(self) -> str:
        """Where news is heard, for messages."""
        return (self.address.feed or self.address).shown

    def listen(self) -> psycopg.Connection[Any]:
        """A connection to hear notices on, which waits for them without end.

        Raises:
            Unheard: A pooler would take it, and none would arrive.
        """
        import psycopg

        if self.address.pooled and self.address.feed is None:
            raise Unheard
        with _BEGINNINGS.turns.mine():
            return psycopg.connect(**arguments((self.address.feed or self.address).url), autocommit=True)

    def announce(self, channel: str) -> None:
        """Send an empty notice on the way that changes take, over a connection of its own."""
        with self.connect(self.address.timeout, autocommit=True) as connection:
            connection.execute("SELECT pg_catalog.pg_notify(%s, '')", [channel])

    def question(self, template: str) -> bytes:
        """A query of one row; behind a pooler it is told, in the same breath, what its session would else know."""
        known = self._questions.get(template)
        if known is None:
            schema = _identifier(self._schema).replace("%", "%%") + "." if self._schema else ""
            query = template.format(table=schema + KEYS.name).encode()
            known = self.told(self.address.timeout) + b"; " + query if self.address.pooled else query
            if self._schema:
                self._questions[template] = known
        return known

    def told(self, patience: float, *, migrates: bool = False) -> bytes:
        """The statement that tells a session what it needs to know; behind a pooler, for one transaction."""
        milliseconds = round(patience * 1000)
        settings = {"statement_timeout": f"{milliseconds}", "lock_timeout": f"{round(milliseconds * _LOCKED)}"}
        if self._schema:
            settings["search_path"] = f"{_identifier(self._schema)}, pg_temp" if migrates else _SAFE
        is_local = "true" if self.address.pooled else "false"
        calls = (f"pg_catalog.set_config('{name}', {_quoted(value)}, {is_local})" for name, value in settings.items())
        return f"SELECT {', '.join(calls)}".encode()

    def _begin(self, patience: float, migrates: bool, connection: Connection) -> None:
        if self._schema and not migrates:
            connection.execution_options(schema_translate_map={None: self._schema})
        if self.address.pooled:
            connection.exec_driver_sql(self.told(patience, migrates=migrates).decode())

    def _arguments(self) -> dict[str, Any]:
        given = arguments(self.address.url)
        return {**given, "prepare_threshold": None} if self.address.pooled else given

    def _chosen(self, cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> str:
        """The schema of our tables, by the answer to `FIND`; empty while there are none."""
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
    """What ``psycopg.connect`` is called with."""
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    given = {name: value for name, value in named.items() if value is not None}
    return {**_LIBPQ, **given, "dbname": url.database or "postgres", **url.query}


def _identifier(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A text as SQL writes it; a percent sign is doubled for the driver."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
