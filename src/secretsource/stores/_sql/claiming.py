"""Claims in an SQL database."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from secretsource.stores._sql.rows.tables import CLAIMS
from secretsource.stores._sql.statements import UPSERTS
from secretsource.stores.registers.claims import Claim, ClaimStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlalchemy import Connection

    from secretsource.stores._sql.connections.database import Database

__all__ = ["SqlClaims"]


class SqlClaims(ClaimStore):
    """Claims of a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, claim: Claim, since: float) -> Claim:
        """Store a claim; see `ClaimStore.take`."""
        return self._database.write(partial(_take, claim=claim, since=since))

    def release(self, claim: Claim) -> None:
        """Forget a claim; see `ClaimStore.release`."""
        self._database.write(partial(_release, claim=claim))


def _take(connection: Connection, claim: Claim, since: float) -> Claim:
    connection.execute(CLAIMS.delete().where(CLAIMS.c.made < since))
    insert = UPSERTS[connection.dialect.name](CLAIMS).values(claim._asdict())
    connection.execute(insert.on_conflict_do_nothing(index_elements=[CLAIMS.c.caller, CLAIMS.c.token]))
    found = select(*CLAIMS.c).where(CLAIMS.c.caller == claim.caller, CLAIMS.c.token == claim.token)
    return Claim(*connection.execute(found).one())


def _release(connection: Connection, claim: Claim) -> None:
    is_it = [CLAIMS.c[name] == value for name, value in claim._asdict().items()]
    connection.execute(CLAIMS.delete().where(*is_it))
