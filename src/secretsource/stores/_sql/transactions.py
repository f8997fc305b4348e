"""The work of an SQL store in one transaction: each function receives a connection that commits or rolls back."""

from __future__ import annotations

from operator import attrgetter

from secretsource.stores._sql import listing, registers, statements
from secretsource.stores.uses import WITNESS_KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from secretsource.stores.base import Change, Crowded, KeyEvent, KeyQuery, KeyRecord, Page, Usage, Use

_by_key = attrgetter("key_id")
_by_record = attrgetter("record.key_id")


class Overtaken(Exception):
    """A record that was to be changed has moved on; the transaction was rolled back."""


def insert(connection: Connection, changes: Sequence[Change], most: Mapping[str, int], now: float) -> Crowded | None:
    """Store new records and their events, unless an owner would have too many."""
    crowded = registers.crowded(connection, changes, most, now)
    if crowded is None:
        connection.execute(statements.INSERT_KEY, [statements.from_record(change.record) for change in changes])
        _conclude(connection, changes)
    return crowded


def update(connection: Connection, change: Change) -> bool:
    """Compare and set."""
    stored = _set(connection, change)
    if stored:
        _conclude(connection, [change])
    return stored


def update_all(connection: Connection, changes: Sequence[Change]) -> None:
    """Compare and set all or none.

    Raises:
        Overtaken: A record has moved on.
    """
    for change in sorted(changes, key=_by_record):  # every process locks rows in the same order
        if not _set(connection, change):
            raise Overtaken
    _conclude(connection, changes)


def rotate(connection: Connection, predecessor: Change, successor: Change) -> bool:
    """Compare, set and insert."""
    stored = _set(connection, predecessor)
    if stored:
        connection.execute(statements.INSERT_KEY, statements.from_record(successor.record))
        _conclude(connection, [predecessor, successor])
    return stored


def _set(connection: Connection, change: Change) -> bool:
    return connection.execute(statements.UPDATE_KEY, statements.from_change(change)).rowcount == 1


def _conclude(connection: Connection, changes: Sequence[Change]) -> None:
    """Write the events of changes, and have PostgreSQL announce them when it commits."""
    connection.execute(statements.INSERT_EVENT, [statements.from_event(change.event) for change in changes])
    if connection.dialect.name == "postgresql":
        connection.execute(statements.NOTIFY, {"payloads": statements.payloads(changes)})


def taken(connection: Connection, records: Sequence[KeyRecord]) -> frozenset[str]:
    """Return those ``key_id`` that cannot be inserted, because their ``key_id`` or their ``lookup`` is there."""
    found: set[str] = set()
    for chunk in statements.chunks(records):
        ids = [record.key_id for record in chunk]
        found.update(connection.execute(statements.TAKEN_IDS, {"ids": ids}).scalars())
        by_lookup = {record.lookup: record.key_id for record in chunk if record.lookup is not None}
        if by_lookup:
            lookups = connection.execute(statements.TAKEN_LOOKUPS, {"lookups": list(by_lookup)}).scalars()
            found.update(by_lookup[bytes(lookup)] for lookup in lookups)
    return frozenset(found)


def get(connection: Connection, key_id: str) -> KeyRecord | None:
    """Return a record by its primary key, if there is no shorter way to it."""
    row = connection.execute(statements.GET, {"which": key_id}).first()
    return None if row is None else statements.to_record(list(row))


def get_many(connection: Connection, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
    """Return several records by their primary keys."""
    rows = connection.execute(statements.GET_MANY, {"ids": list(key_ids)}).all()
    records = [statements.to_record(list(row)) for row in rows]
    return {record.key_id: record for record in records}


def find(connection: Connection, lookups: Sequence[bytes]) -> KeyRecord | None:
    """Return an imported record."""
    row = connection.execute(statements.FIND, {"lookups": list(lookups)}).first()
    return None if row is None else statements.to_record(list(row))


def list_page(connection: Connection, query: KeyQuery) -> Page:
    """Return one page of records."""
    ways = listing.routes(query)
    chosen = connection.execute(listing.choice(ways)).scalar() if ways else None
    way = None if chosen is None else ways[chosen]
    end: tuple[float, str] | None = None
    if way is None and listing.may_be_short(query):
        row = connection.execute(listing.select_end(query)).first()
        end = None if row is None else (row[0], row[1])
    rows = connection.execute(listing.select_page(query, way, end)).all()
    return statements.page(rows, query.limit, end)


def events(connection: Connection, key_id: str, after: int, limit: int) -> Sequence[KeyEvent]:
    """Return the events of a key."""
    rows = connection.execute(statements.SELECT_EVENTS, {"which": key_id, "after": after, "most": limit})
    return [statements.to_event(row) for row in rows]


def see(connection: Connection, uses: Sequence[Use]) -> None:
    """Move ``last_used`` forward, and note networks and agents; doing it twice is the same as doing it once.

    Every process locks rows in the same order, so that no two wait for each other.
    """
    ordered = sorted(uses, key=_by_key)
    if connection.dialect.name == "postgresql":
        seen = {"ids": [use.key_id for use in ordered], "instants": [use.last_used for use in ordered]}
        connection.execute(statements.SEE_MANY, seen)
    else:
        connection.execute(statements.SEEN, [{"which": use.key_id, "at": use.last_used} for use in ordered])
    witnessed = [use for use in ordered if use.networks or use.agents]
    if witnessed:
        _note_witnesses(connection, witnessed)


def _note_witnesses(connection: Connection, uses: Sequence[Use]) -> None:
    """Drop the networks and agents of these keys that are old, and add or renew those of the uses."""
    if connection.dialect.name == "postgresql":  # else nobody writes beside us
        connection.execute(statements.LOCK_WITNESSED, {"ids": [use.key_id for use in uses]})
    old = [{"which": use.key_id, "old": use.last_used - WITNESS_KEPT} for use in uses]
    connection.execute(statements.DROP_WITNESSES, old)
    witnesses = [witness for use in uses for witness in statements.witnesses(use)]
    connection.execute(statements.add_witness(connection.dialect.name), witnesses)


def forget_clients(connection: Connection, now: float) -> None:
    """Delete the networks and agents that are old, of all keys."""
    connection.execute(statements.FORGET_WITNESSES, {"old": now - WITNESS_KEPT})


def count(connection: Connection, uses: Sequence[Use]) -> None:
    """Add up requests."""
    requests = [{"which": use.key_id, "requests": use.requests} for use in sorted(uses, key=_by_key)]
    connection.execute(statements.count_uses(connection.dialect.name), requests)


def usage(connection: Connection, key_id: str) -> Usage:
    """Return the sum of the uses of a key."""
    row = connection.execute(statements.USAGE, {"which": key_id}).first()
    return statements.to_usage(row, connection.execute(statements.SELECT_WITNESSES, {"which": key_id}))


def count_by_pepper(connection: Connection, now: float) -> Mapping[str, int]:
    """Return the number of live keys by pepper."""
    rows = connection.execute(listing.count_by_pepper(now)).all()
    return {row[0]: row[1] for row in rows}


def seals(connection: Connection) -> Mapping[str, bytes]:
    """Return the locator keys that sealed keys."""
    rows = connection.execute(statements.SELECT_SEALS).all()
    return {row[0]: bytes(row[1]) for row in rows}


def keep_seal(connection: Connection, version: str, key: bytes) -> None:
    """Remember a locator key."""
    connection.execute(statements.keep_seal(connection.dialect.name), {"version": version, "key": key})
