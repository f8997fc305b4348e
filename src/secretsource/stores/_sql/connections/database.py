"""A database behind an SQL store: its connections, its transactions, and their outcomes.

Connections are opened at the first question, never before. A forked child drops its parent's connections and opens its
own; see `SqliteFile` for the work before a fork.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool, StaticPool

from secretsource._ground import fork
from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.stores._sql.connections import schema, writers
from secretsource.stores._sql.connections.faults import FAULTS, diagnose
from secretsource.stores._sql.connections.postgres import Server
from secretsource.stores._sql.connections.sqlite_file import SqliteFile
from secretsource.stores._sql.connections.writers import Writers
from secretsource.stores._sql.rows.tables import HEAD
from secretsource.stores.migratable import Migration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from secretsource.stores._sql.connections.address import Address
    from secretsource.stores._sql.connections.faults import Fault
    from secretsource.stores._sql.connections.sqlite_file import SqliteConnection

    Work = Callable[[Connection], "Answer"]

Answer = TypeVar("Answer")

_POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 8, "pool_timeout": 10}


class Taken(Exception):
    """A unique value is already taken; the transaction was rolled back."""


class Database:
    """The connections to one database, for any number of threads.

    Args:
        address: Its place.

    Raises:
        ConfigurationError: It is in PostgreSQL, and psycopg is not installed.

    Attributes:
        address: Its place.
        sqlite: The file, if it is SQLite.
        server: The server of sessions, for PostgreSQL.
        on_fork: Further functions to call in a forked child.
        on_stale: Called when connections may lead to a server that is no longer the right one, to drop further ones.
    """

    def __init__(self, address: Address) -> None:
        if address.dialect == "postgresql" and find_spec("psycopg") is None:
            raise ConfigurationError("PostgreSQL needs the package psycopg: run  pip install 'secretsource[postgres]'")
        self.address = address
        self.sqlite = SqliteFile(address) if address.dialect == "sqlite" else None
        self.server = Server(address)
        self.on_fork: list[Callable[[], None]] = []
        self.on_stale: list[Callable[[], None]] = []
        self._start_anew()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child: the parent's connections are neither used nor closed here.

        They are not collected either, because that would close them.
        """
        _PARENTS.append(self._engine)
        self._start_anew()
        for forget in self.on_fork:
            forget()

    def _start_anew(self) -> None:
        self._engine: Engine | None = None
        self._opening = threading.RLock()
        self._writers = Writers(self.address.timeout)

    def read(self, work: Work[Answer]) -> Answer:
        """Do work that only reads, in one transaction."""
        return self._do(work, writes=False)

    def write(self, work: Work[Answer]) -> Answer:
        """Do work in one transaction, which is stored whole or not at all.

        A transaction that others caused to be rolled back is repeated once.

        Raises:
            Taken: A unique value is already taken.
            StoreError: The database could not do it.
        """
        return self._do(work, writes=True)

    def migrate(self) -> Migration:
        """Bring the database to the newest version of the schema; an empty database is given its tables.

        Raises:
            ConfigurationError: This package does not know its version; nothing was done.
            StoreError: The database could not do it; the changes were undone.
        """
        return self._migration(self._do(schema.upgrade, writes=True, checked=False, migrates=True))

    def plan_migration(self) -> Migration:
        """Return the versions before and after a `migrate`."""
        return self._migration(self.version())

    def version(self) -> str | None:
        """Return the version of the schema; None for a database without it, and for a missing file."""
        if self.sqlite is not None and self.sqlite.is_missing():
            return None
        return self._do(schema.current, writes=False, checked=False)

    def _migration(self, before: str | None) -> Migration:
        complaint = schema.foreign(before)
        if complaint is not None:
            raise ConfigurationError(f"the key store {self.address.shown} {complaint}")
        return Migration(before, HEAD)

    def open(self) -> Engine:
        """Check that the database can be reached and has the right version; the first question does it.

        Raises:
            StoreError: It cannot be reached, or has another version.
        """
        engine = self._engine
        if engine is None:
            with self._opening:
                engine = self._engine or self._checked()
                self._engine = engine
        return engine

    @property
    def is_open(self) -> bool:
        """Whether `open` has nothing to do."""
        return self._engine is not None

    def close(self) -> None:
        """Close every connection, each as soon as it is free; the next question opens new ones."""
        with self._turn():
            with self._opening:
                engine, self._engine = self._engine, None
            if engine is not None:
                engine.pool.dispose()

    def failure(self, fault: Fault) -> StoreError:
        """Return the error for a fault."""
        return StoreError(f"the key store {self.address.shown} {fault.sentence}")

    def _checked(self) -> Engine:
        engine = self._make_engine()
        try:
            version = self._within(engine, schema.current, writes=False)
            if version is None and self.address.create:
                version = self._within(engine, schema.create, writes=True)
        except BaseException:
            engine.dispose()
            raise
        complaint = schema.complaint(version)
        if complaint is not None:
            engine.dispose()
            raise StoreError(f"the key store {self.address.shown} {complaint}")
        return engine

    def _do(self, work: Work[Answer], *, writes: bool, checked: bool = True, migrates: bool = False) -> Answer:
        with self._turn():
            engine = self.open() if checked else self._make_engine(migrates=migrates)
            try:
                return self._within(engine, work, writes=writes)
            finally:
                if engine is not self._engine:  # not stored, or closed meanwhile
                    engine.pool.dispose()

    def _turn(self) -> AbstractContextManager[Any]:
        """Return the holder that a fork waits for: a child can abandon a server's connections, but not a file's."""
        return nullcontext() if self.sqlite is None else self.sqlite.turns.mine()

    def _within(self, engine: Engine, work: Work[Answer], *, writes: bool) -> Answer:
        for last in (False, True):
            try:
                with self._transaction(engine, writes=writes) as connection:
                    return work(connection)
            except FAULTS as error:
                fault = diagnose(error)
            if fault.stale:
                self._leave(engine)
            if last or not fault.again:
                break
        del work
        if fault.taken:
            raise Taken
        raise self.failure(fault)

    def _leave(self, engine: Engine) -> None:
        engine.dispose()
        for leave in self.on_stale:
            leave()

    @contextmanager
    def _transaction(self, engine: Engine, *, writes: bool) -> Generator[Connection]:
        alone: AbstractContextManager[Any] = nullcontext(0.0)
        if self.sqlite is not None and (writes or not self.address.path):
            alone = self._writers.turn()
        with alone as until:
            options = {"secretsource_until": until if writes else None}
            with engine.execution_options(**options).begin() as connection:
                yield connection

    def _make_engine(self, *, migrates: bool = False) -> Engine:
        if self.sqlite is None:
            return self.server.engine(migrates=migrates)
        pool: dict[str, Any] = {"poolclass": QueuePool, **_POOL} if self.address.path else {"poolclass": StaticPool}
        engine = create_engine("sqlite://", creator=self.sqlite.connect, hide_parameters=True, **pool)
        event.listen(engine, "begin", partial(_begin, self.address.timeout))
        event.listen(engine, "checkout", _see_that_it_is_current)
        return engine


def _begin(patience: float, connection: Connection) -> None:
    """Begin here, because ``sqlite3`` does not; as a writer, because a reader that becomes one may deadlock."""
    until = connection.get_execution_options()["secretsource_until"]
    if until is None:
        connection.exec_driver_sql("BEGIN")
    else:
        driver: Any = connection.connection.driver_connection
        writers.begin(driver, until, patience)


def _see_that_it_is_current(connection: SqliteConnection, *_: object) -> None:
    """Have the pool open another connection in place of one that was closed for a fork, or whose file was replaced."""
    if not connection.is_current():
        raise DisconnectionError


_PARENTS: list[object] = []
