"""The turn of the chores, and deleting, in an SQL database.

Deleted events leave gaps in the feed of all events. The last position is kept before, so that none is given twice. The
news of a file of SQLite goes by the numbers of rows; see `_keep_last_row`.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from sqlalchemy import insert, select

from secretsource.stores._sql import crediting, history, registers, statements
from secretsource.stores._sql.rows.tables import (
    CHORES,
    COUNTS,
    CREDITS,
    EVENTS,
    KEYS,
    OUTBOX,
    OWNER_EVENTS,
    OWNERS,
    PASSES,
    SUMS,
    USES,
    WITNESSES,
)
from secretsource.stores.owners import OwnerEventKind, account_of
from secretsource.stores.registers.upkeep import Upkeep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.owners import OwnerEvent
    from secretsource.stores.records import KeyRecord

__all__ = ["SqlUpkeep"]

_NAME = "keys"
_OF_KEY = (WITNESSES, USES, EVENTS)
_OF_OWNER = (
    (OWNERS, OWNERS.c.id),
    (COUNTS, COUNTS.c.owner),
    (SUMS, SUMS.c.owner),
    (OUTBOX, OUTBOX.c.owner),
    (PASSES, PASSES.c.holder),
)
"""Everything of an owner besides its keys and events; a table that is added for owners belongs here."""
_LAST_ROW = f"SELECT max(rowid) FROM {EVENTS.name}"  # noqa: S608 - made of our own names
_RENUMBER = f"UPDATE {EVENTS.name} SET rowid = ? WHERE rowid = ({_LAST_ROW})"  # noqa: S608 - the same
_PURGED = OwnerEventKind.PURGED.value


class SqlUpkeep(Upkeep):
    """The chores of a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, holder: str, now: float, until: float) -> str | None:
        """Take the turn; see `Upkeep.take`."""
        return self._database.write(partial(_take, holder=holder, now=now, until=until))

    def leave(self, holder: str, place: str) -> bool:
        """Give the turn back; see `Upkeep.leave`."""
        mine = (CHORES.c.name == _NAME) & (CHORES.c.holder == holder)
        left = CHORES.update().where(mine).values(holder="", until=0.0, place=place)
        return self._database.write(lambda connection: connection.execute(left).rowcount == 1)

    def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Delete records; see `Upkeep.delete`."""
        return self._database.write(partial(_delete, records=records, events=events))

    def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Delete what is left of an owner; see `Upkeep.purge`."""
        return self._database.write(partial(_purge, owner=owner, event=event, always=always))


def _take(connection: Connection, holder: str, now: float, until: float) -> str | None:
    free = {"name": _NAME, "holder": "", "until": 0.0, "place": ""}
    upsert = statements.UPSERTS[connection.dialect.name]
    connection.execute(upsert(CHORES).values(free).on_conflict_do_nothing())
    may = (CHORES.c.name == _NAME) & (CHORES.c.until <= now)
    taken = connection.execute(CHORES.update().where(may).values(holder=holder, until=until)).rowcount == 1
    place = connection.execute(select(CHORES.c.place).where(CHORES.c.name == _NAME)).scalar()
    return (place or "") if taken else None


def _delete(connection: Connection, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
    history.keep_last_place(connection)
    gone = _locked(connection, records)
    last = _last_row(connection)
    for some in statements.chunks(sorted(gone)):
        for table in (*_OF_KEY, KEYS):
            connection.execute(table.delete().where(table.c.key_id.in_(some)))
    crediting.forget(connection, [record for record in records if record.key_id in gone])
    _keep_last_row(connection, last)
    _note(connection, "key", [event for event in events if event.id in gone])
    return frozenset(gone)


def _locked(connection: Connection, records: Sequence[KeyRecord]) -> set[str]:
    """Return the records that have not moved on, and let nobody change them until the transaction ends."""
    revisions = {record.key_id: record.revision for record in records}
    found: set[str] = set()
    for some in statements.chunks(sorted(revisions)):  # every process locks rows in the same order
        rows = select(KEYS.c.key_id, KEYS.c.revision).where(KEYS.c.key_id.in_(some)).order_by(KEYS.c.key_id)
        locked = connection.execute(rows.with_for_update()).all()
        found.update(key_id for key_id, revision in locked if revisions[key_id] == revision)
    return found


def _purge(connection: Connection, owner: str, event: OwnerEvent, *, always: bool) -> bool:
    history.keep_last_place(connection)
    registers.take_turn(connection)
    if connection.execute(select(KEYS.c.key_id).where(KEYS.c.owner == owner).limit(1)).first() is not None:
        return False
    of_owner = (OWNER_EVENTS.c.subject == "owner") & (OWNER_EVENTS.c.id == owner)
    deletions = [table.delete().where(column == owner) for table, column in _OF_OWNER]
    deletions.append(CREDITS.delete().where(CREDITS.c.account == account_of(owner)))
    deletions.append(OWNER_EVENTS.delete().where(of_owner, OWNER_EVENTS.c.kind != _PURGED))
    number = sum(connection.execute(deletion).rowcount for deletion in deletions)
    purged_before = connection.execute(select(OWNER_EVENTS.c.revision).where(of_owner).limit(1)).first() is not None
    if number or always or not purged_before:
        _note(connection, "owner", [event])
    registers.announce(connection, "owner", owner)
    return True


def _note(connection: Connection, subject: str, events: Iterable[OwnerEvent]) -> None:
    """Write events that stay."""
    rows: list[dict[str, Any]] = []
    for event in events:
        row = {**event._asdict(), "subject": subject, "kind": event.kind.value, "fields": json.dumps(event.fields)}
        del row["revision"]
        rows.append(row)
    if rows:
        connection.execute(insert(OWNER_EVENTS), rows)


def _last_row(connection: Connection) -> int:
    """Return the number of the last event's row in SQLite."""
    if connection.dialect.name != "sqlite":
        return 0
    return connection.exec_driver_sql(_LAST_ROW).scalar() or 0


def _keep_last_row(connection: Connection, last: int) -> None:
    """Number the last event anew if later rows would be given numbers again that the feed has passed."""
    if connection.dialect.name == "sqlite" and _last_row(connection) < last:
        connection.exec_driver_sql(_RENUMBER, (last + 1,))
