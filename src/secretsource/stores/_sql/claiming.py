"""Claims in an SQL database."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from secretsource.stores._sql import transactions
from secretsource.stores._sql.rows.tables import CLAIMS
from secretsource.stores._sql.statements import UPSERTS
from secretsource.stores.owners import OwnerRecord, Refused
from secretsource.stores.registers.claims import Claim, ClaimStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection, Select

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.registers import SqlRegister
    from secretsource.stores.owners import OwnerEvent
    from secretsource.stores.records import Change

__all__ = ["SqlClaims"]


class SqlClaims(ClaimStore):
    """Claims of a database.

    Args:
        database: The database.
        owners: The owners in it.
    """

    def __init__(self, database: Database, owners: SqlRegister[OwnerRecord]) -> None:
        self._database = database
        self._owners = owners

    def take(self, claim: Claim, since: float) -> Claim:
        """Store a claim; see `ClaimStore.take`."""
        return self._database.write(partial(_take, claim=claim, since=since))

    def release(self, claim: Claim) -> None:
        """Forget a claim; see `ClaimStore.release`."""
        self._database.write(partial(_release, claim=claim))

    def find(self, claim: Claim, since: float) -> Claim | None:
        """Return the claim that holds; see `ClaimStore.find`."""
        found = _of_token(claim).where(CLAIMS.c.made >= since)
        row = self._database.read(lambda connection: connection.execute(found).first())
        return None if row is None else Claim(*row)

    def change_keys(self, claim: Claim, since: float, changes: Sequence[Change]) -> bool:
        """Store a claim with changes of keys; see `ClaimStore.change_keys`."""
        try:
            self._database.write(partial(_change_keys, claim=claim, since=since, changes=changes))
        except transactions.Overtaken:
            return False
        return True

    def change_owner(self, claim: Claim, since: float, record: OwnerRecord, event: OwnerEvent) -> OwnerRecord | Refused:
        """Store a claim with a change of an owner; see `ClaimStore.change_owner`."""

        def change(connection: Connection) -> OwnerRecord:
            _begin(connection, claim, since)
            stored = self._owners.put_in(connection, record, event)
            if isinstance(stored, Refused):
                raise _Undone(stored)
            return stored

        try:
            return self._database.write(change)
        except transactions.Overtaken:
            return Refused.OUTDATED
        except _Undone as error:
            return error.reason


class _Undone(Exception):
    """A change of an owner was refused; the transaction was rolled back."""

    def __init__(self, reason: Refused) -> None:
        super().__init__(reason)
        self.reason = reason


def _take(connection: Connection, claim: Claim, since: float) -> Claim:
    _store(connection, claim, since)
    return Claim(*connection.execute(_of_token(claim)).one())


def _store(connection: Connection, claim: Claim, since: float) -> bool:
    """Store a claim unless its token is claimed; return whether it was stored."""
    connection.execute(CLAIMS.delete().where(CLAIMS.c.made < since))
    insert = UPSERTS[connection.dialect.name](CLAIMS).values(claim._asdict())
    kept = insert.on_conflict_do_nothing(index_elements=[CLAIMS.c.caller, CLAIMS.c.token])
    return connection.execute(kept.returning(CLAIMS.c.made)).first() is not None


def _begin(connection: Connection, claim: Claim, since: float) -> None:
    """Begin a transaction of a request with a claim.

    Raises:
        Overtaken: Another request has claimed the token.
    """
    if not _store(connection, claim, since):
        raise transactions.Overtaken


def _change_keys(connection: Connection, claim: Claim, since: float, changes: Sequence[Change]) -> None:
    _begin(connection, claim, since)
    transactions.update_all(connection, changes)


def _of_token(claim: Claim) -> Select[Any]:
    return select(*CLAIMS.c).where(CLAIMS.c.caller == claim.caller, CLAIMS.c.token == claim.token)


def _release(connection: Connection, claim: Claim) -> None:
    is_it = [CLAIMS.c[name] == value for name, value in claim._asdict().items()]
    connection.execute(CLAIMS.delete().where(*is_it))
