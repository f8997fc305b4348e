"""The same as `replica`, for event loops."""

from __future__ import annotations

from functools import partial
from time import monotonic

from secretsource._ground.flow import arun
from secretsource.stores._sql.lookups.async_hot import AsyncPostgresLookup
from secretsource.stores._sql.lookups.lag import Progress, look_up
from secretsource.stores._sql.lookups.replica import RECORD, REVISION, server_of
from secretsource.stores._sql.statements import to_record, to_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsource.stores._sql.connections.address import Address
    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.base import KeyRecord


class AsyncReplicaLookup(AsyncPostgresLookup):
    """The same as `ReplicaLookup`, for event loops."""

    def __init__(self, database: Database, replica: Address) -> None:
        super().__init__(database)
        self._replica = AsyncPostgresLookup(database, server_of(database, replica))
        self._progress = Progress(database.address.lag)

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Return the same as `ReplicaLookup.peek`."""
        row = await self._look_up(RECORD, key_id)
        return None if row is None else to_record([key_id, *row])

    async def revision(self, key_id: str) -> int | None:
        """Return the same as `ReplicaLookup.revision`."""
        row = await self._look_up(REVISION, key_id)
        return None if row is None else to_stamp(*row)

    async def _look_up(self, question: str, key_id: str) -> Any:
        primary, replica = partial(self.ask, question, key_id), partial(self._replica.ask, question, key_id)
        return await arun(look_up(self._progress, primary, replica, monotonic))

    def leave(self) -> None:
        """Give up the connections of all loops to both servers."""
        super().leave()
        self._replica.leave()

    async def close(self) -> None:
        """Close the connections of this loop to both servers."""
        await super().close()
        await self._replica.close()

    def forget(self) -> None:
        """Drop connections without closing them."""
        super().forget()
        self._replica.forget()
