"""Look-ups of checks from a replica of PostgreSQL, while its lag is within the bound."""

from __future__ import annotations

from functools import partial
from time import monotonic

from secretsource._ground.flow import run
from secretsource.stores._sql.connections.postgres import Server
from secretsource.stores._sql.lookups.hot import COLUMNS, STAMP, PostgresLookup, query
from secretsource.stores._sql.lookups.lag import POSITION, Progress, look_up
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsource.stores._sql.connections.address import Address
    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.base import KeyRecord

RECORD, REVISION = (f"{query(*columns, beside=f', {POSITION}', schema='{schema}')}%s" for columns in (COLUMNS, STAMP))


class ReplicaLookup(PostgresLookup):
    """The same as `PostgresLookup`, but a check reads from the replica of the address."""

    def __init__(self, database: Database, replica: Address) -> None:
        super().__init__(database)
        self._replica = PostgresLookup(database, server_of(database, replica))
        self._progress = Progress(database.address.lag)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        row = self._look_up(RECORD, key_id)
        return None if row is None else to_record([key_id, *row])

    def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        row = self._look_up(REVISION, key_id)
        return None if row is None else to_stamp(*row)

    def _look_up(self, question: str, key_id: str) -> Any:
        primary, replica = partial(self.ask, question, key_id), partial(self._replica.ask, question, key_id)
        return run(look_up(self._progress, primary, replica, monotonic))

    def close(self) -> None:
        """Close the connections to both servers."""
        super().close()
        self._replica.close()

    def forget(self) -> None:
        """Drop connections without closing them."""
        super().forget()
        self._replica.forget()


def server_of(database: Database, replica: Address) -> Server:
    """Return the server of a replica, with the patience and the schema of the primary."""
    main = database.address
    return Server(replica._replace(timeout=main.timeout, schema=main.schema))
