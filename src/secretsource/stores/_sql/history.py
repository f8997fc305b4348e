"""The feed of all events of a database: events get their position when they are read, in one short transaction.

PostgreSQL lets one reader at a time give positions, under an advisory lock that ends with the commit; SQLite has one
writer at a time anyway. So positions become visible in their order, and an event that is committed late gets a greater
one than all that were read before.
"""

from __future__ import annotations

import json
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import bindparam, case, func, select, union_all

from secretsource.stores._sql import listing
from secretsource.stores._sql.rows.tables import CHORES, EVENTS, KEYS, OWNER_EVENTS
from secretsource.stores._sql.statements import UPSERTS
from secretsource.stores.owners import OwnerEventKind
from secretsource.stores.records import EventKind, kept_word
from secretsource.stores.registers.history import BATCH, History, HistoryEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.registers.history import HistoryQuery

__all__ = ["SqlHistory", "keep_last_place"]

_TURN = 0x5EC2E752
"""Our name among PostgreSQL's advisory locks: one transaction gives positions, the others wait."""

_PLACES = "places"
"""The name of the row that keeps the last position of the feed, beside the turn of the chores."""

_OWNER = case((OWNER_EVENTS.c.subject == "owner", OWNER_EVENTS.c.id))
_NEW_KEYS = (
    select(EVENTS.c.time, EVENTS.c.key_id, EVENTS.c.revision)
    .where(EVENTS.c.position.is_(None))
    .order_by(EVENTS.c.time, EVENTS.c.revision, EVENTS.c.key_id)
)
_NEW_OWNERS = (
    select(OWNER_EVENTS.c.time, OWNER_EVENTS.c.id, OWNER_EVENTS.c.revision)
    .where(OWNER_EVENTS.c.position.is_(None))
    .order_by(OWNER_EVENTS.c.revision)
)
_PLACE_KEY = (
    EVENTS.update()
    .where(EVENTS.c.key_id == bindparam("which"), EVENTS.c.revision == bindparam("at"))
    .values(position=bindparam("place"))
)
_PLACE_OWNER = (
    OWNER_EVENTS.update().where(OWNER_EVENTS.c.revision == bindparam("at")).values(position=bindparam("place"))
)
_TOPS = [select(func.max(table.c.position)).where(table.c.position.is_not(None)) for table in (EVENTS, OWNER_EVENTS)]
_LAST = select(func.max(union_all(*_TOPS).subquery().c[0]))
"""The greatest position, from both tables in one statement."""


class SqlHistory(History):
    """The feed of a database.

    Args:
        database: Where the events are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Return events in the order of their positions; see `History.read`."""
        while True:
            found, is_all, has_new = self._database.read(partial(_read, query=query))
            # New events get positions behind all others: they belong neither on a full page nor before a position.
            is_settled = bool(query.after) if query.newest else len(found) == query.limit
            if is_all or is_settled:
                return found
            if has_new:
                self._database.write(_place)

    def end(self) -> int:
        """Return the position of the last event, after every event was given one; 0 without any."""
        while self._database.read(_has_new):
            self._database.write(_place)
        return self._database.read(_last_place)


def _read(connection: Connection, query: HistoryQuery) -> tuple[list[HistoryEvent], bool, bool]:
    """Return the events that have a position, whether these are all events, and whether some have no position yet.

    Each statement may see what was committed meanwhile. Positions become visible in their order, so all up to the
    greatest one of now are seen by both, and those beyond it are left for the next reading.
    """
    last = connection.execute(_LAST).scalar() or 0
    found = [_of_key(row) for row in connection.execute(_keys(query, last, has_few=_has_few(connection, query)))]
    found += [_of_owner(row) for row in connection.execute(_owners(query, last))]
    has_new = _has_new(connection)
    has_grown = (connection.execute(_LAST).scalar() or 0) > last
    found.sort(key=attrgetter("position"), reverse=query.newest)
    return found[: query.limit], not (has_new or has_grown), has_new


def _has_new(connection: Connection) -> bool:
    """Return whether some events have no position yet."""
    return any(connection.execute(new.limit(1)).first() is not None for new in (_NEW_KEYS, _NEW_OWNERS))


def keep_last_place(connection: Connection) -> None:
    """Store the last position, at the beginning of a transaction that may delete its event: it is not given again."""
    _begin_placing(connection)
    row = {"name": _PLACES, "holder": "", "until": 0.0, "place": str(_last_place(connection))}
    insert = UPSERTS[connection.dialect.name](CHORES).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=[CHORES.c.name], set_={"place": row["place"]}))


def _begin_placing(connection: Connection) -> None:
    """Begin a transaction that gives positions; no other one gives any until it ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_catalog.pg_advisory_xact_lock(_TURN)))


def _last_place(connection: Connection) -> int:
    """Return the last position that was given, also if its event was deleted."""
    kept = connection.execute(select(CHORES.c.place).where(CHORES.c.name == _PLACES)).scalar()
    return max(connection.execute(_LAST).scalar() or 0, int(kept or 0))


def _place(connection: Connection) -> None:
    """Give positions to the oldest events that have none."""
    _begin_placing(connection)
    new = [(row.time, _PLACE_OWNER, row.id, row.revision) for row in connection.execute(_NEW_OWNERS.limit(BATCH))]
    new += [(row.time, _PLACE_KEY, row.key_id, row.revision) for row in connection.execute(_NEW_KEYS.limit(BATCH))]
    new.sort(key=itemgetter(0))  # by their times
    places: dict[Any, list[dict[str, Any]]] = {_PLACE_KEY: [], _PLACE_OWNER: []}
    for place, (_, statement, which, revision) in enumerate(new[:BATCH], _last_place(connection) + 1):
        row = {"which": which} if statement is _PLACE_KEY else {}
        places[statement].append({**row, "at": revision, "place": place})
    for statement, placed in places.items():
        if placed:
            connection.execute(statement, placed)


def _has_few(connection: Connection, query: HistoryQuery) -> bool:
    """Return whether the owner that is asked for has few keys: then all their events are fetched and sorted."""
    if query.owner is None:
        return False
    keys = select(KEYS.c.key_id).where(KEYS.c.owner == query.owner)
    return bool(connection.execute(listing.count_few(keys)).scalar_one() < listing.FEW)


def _keys(query: HistoryQuery, last: int, *, has_few: bool) -> Select[Any]:
    """Return the events of keys, up to a position: those of the owner's keys, or along an index of positions."""
    found = select(EVENTS, KEYS.c.owner).join(KEYS, KEYS.c.key_id == EVENTS.c.key_id)
    place, owner = (EVENTS.c.position + 0, KEYS.c.owner) if has_few else (EVENTS.c.position, KEYS.c.owner.concat(""))
    return _narrowed(found, EVENTS.c, place, owner, query, last)


def _owners(query: HistoryQuery, last: int) -> Select[Any]:
    """Return the events of owners and plans, up to a position."""
    columns = OWNER_EVENTS.c
    found = select(OWNER_EVENTS, _OWNER.label("owner"))
    if query.owner is None:
        return _narrowed(found, columns, columns.position, columns.id, query, last)
    found = found.where(columns.subject == "owner")
    return _narrowed(found, columns, columns.position + 0, columns.id, query, last)


def _narrowed(found: Select[Any], columns: Any, place: Any, owner: Any, query: HistoryQuery, last: int) -> Select[Any]:
    """Narrow a question to a query; ``place`` is the position, or an expression that no index of it serves."""
    exact = ((owner, query.owner), (columns.actor, query.actor), (columns.kind, query.kind))
    wanted = [column == value for column, value in exact if value is not None]
    if query.newest:
        within = place <= (min(last, query.after - 1) if query.after else last)
        return found.where(within, *wanted).order_by(place.desc()).limit(query.limit)
    return found.where(place > query.after, place <= last, *wanted).order_by(place).limit(query.limit)


def _of_key(row: Any) -> HistoryEvent:
    names = tuple(row.fields.split(",")) if row.fields else ()
    about = (row.time, row.actor, row.origin, row.reason, names, row.owner)
    return HistoryEvent(row.position, "key", row.key_id, row.revision, kept_word(EventKind, row.kind), *about)


def _of_owner(row: Any) -> HistoryEvent:
    about = (row.time, row.actor, row.origin, row.reason, tuple(json.loads(row.fields)), row.owner)
    return HistoryEvent(row.position, row.subject, row.id, row.revision, kept_word(OwnerEventKind, row.kind), *about)
