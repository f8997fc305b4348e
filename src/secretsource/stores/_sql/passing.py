"""Links and sessions in an SQL database."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from secretsource.stores._sql.registers import take_turn
from secretsource.stores._sql.rows.tables import PASSES
from secretsource.stores.registers.passes import Pass, PassStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.registers import SqlRegister
    from secretsource.stores.owners import OwnerEvent, OwnerRecord

__all__ = ["SqlPasses"]


class SqlPasses(PassStore):
    """Passes of a database.

    Args:
        database: The database.
        owners: The owners in it.
    """

    def __init__(self, database: Database, owners: SqlRegister[OwnerRecord]) -> None:
        self._database = database
        self._owners = owners

    def put(self, new: Pass) -> None:
        """Store a pass; see `PassStore.put`."""
        self._database.write(partial(_put, new=new))

    def get(self, token: str) -> Pass | None:
        """Return a pass; see `PassStore.get`."""
        return self._database.read(partial(_get, token=token))

    def take(self, token: str, kind: str) -> Pass | None:
        """Take a pass; see `PassStore.take`."""
        return self._database.write(partial(_take, token=token, kind=kind))

    def touch(self, token: str, seen: float) -> None:
        """Note a use; see `PassStore.touch`."""
        older = PASSES.update().where(PASSES.c.token == token, PASSES.c.seen < seen).values(seen=seen)
        self._database.write(lambda connection: connection.execute(older))

    def take_all(self, kinds: Sequence[str], holder: str, event: OwnerEvent | None = None) -> int:
        """Take every pass of a holder; see `PassStore.take_all`."""

        def take(connection: Connection) -> int:
            if event is not None:
                take_turn(connection)  # before any row is locked, as in every transaction that writes such an event
            theirs = PASSES.delete().where(PASSES.c.holder == holder)
            number = sum(connection.execute(theirs.where(PASSES.c.kind == kind)).rowcount for kind in kinds)
            if number and event is not None:
                self._owners.note(connection, event)
            return number

        return self._database.write(take)


def _put(connection: Connection, new: Pass) -> None:
    connection.execute(PASSES.delete().where(PASSES.c.ends < new.made))
    connection.execute(PASSES.insert().values(new._asdict()))


def _get(connection: Connection, token: str) -> Pass | None:
    row = connection.execute(select(*PASSES.c).where(PASSES.c.token == token)).one_or_none()
    return None if row is None else Pass(*row)


def _take(connection: Connection, token: str, kind: str) -> Pass | None:
    """Return the pass if this transaction deletes it; another one that has read it, too, deletes nothing."""
    found = _get(connection, token)
    it = PASSES.delete().where(PASSES.c.token == token, PASSES.c.kind == kind)
    return found if connection.execute(it).rowcount else None
