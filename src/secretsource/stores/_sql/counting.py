"""Counted requests in an SQL database.

Each count is added to the row of its key, and to that of the owner in the table of sums. So the sum over an owner's
keys is read from as many rows as there are units of time and outcomes, however many keys were used.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import product
from math import ceil
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, func, literal, select

from secretsource.stores._sql.rows.tables import COUNTS, KEYS, OWNERS, SUMS
from secretsource.stores._sql.statements import UPSERTS, chunks
from secretsource.stores.registers.counts import KEPT, Count, CountQuery, CountStore, in_each_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Insert, Select, Table

    from secretsource.stores._sql.connections.database import Database

__all__ = ["SqlCounts"]

_TURN = 0x5EC2E753
"""Our name among PostgreSQL's advisory locks: one transaction forgets, the others need not."""
_MOST_STARTS = 3000
"""Minutes, hours or days of one question about a key; fewer of each are kept."""


class SqlCounts(CountStore):
    """Counts of a database.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Sequence[Count]) -> None:
        """Add counts; see `CountStore.add`."""
        self._database.write(partial(_add, more=in_each_unit(counts)))

    def read(self, query: CountQuery) -> Sequence[Count]:
        """Return the counts that a query picks; see `CountStore.read`."""
        given: dict[str, Any] = {name: value for name in _NARROWING if (value := getattr(query, name)) is not None}
        if _seeks(query):
            given["starts"] = [*query.starts]
        bounds = {"unit": query.unit.value, "most": query.limit, "since": ceil(query.since), "until": ceil(query.until)}
        found = _question(*given, per_key=query.per_key)
        rows = self._database.read(lambda connection: connection.execute(found, {**bounds, **given}).all())
        return [*map(Count._make, rows)]

    def forget(self, now: float) -> None:
        """Forget what is old; see `CountStore.forget`."""
        self._database.write(partial(_forget, now=now))


_NARROWING = ("owner", "key_id", "key_ids", "plan")
"""The fields of a `CountQuery` that a question is narrowed by."""
_OF_KEYS = frozenset({"key_id", "key_ids"})


@lru_cache(maxsize=16)
def _question(*names: str, per_key: bool) -> Select[Any, Any, Any, Any, Any]:
    """Return the query that is narrowed by these fields."""
    if not per_key and not _OF_KEYS.intersection(names):
        return _sums(names)
    columns = COUNTS.c
    if per_key:
        found = select(columns.start, columns.key_id, columns.outcome, columns.requests, columns.owner)
        order = (columns.start, columns.key_id, columns.outcome)
    else:
        order = (columns.start, columns.outcome, columns.owner)
        total = cast(func.sum(columns.requests), BigInteger)
        found = select(columns.start, literal(""), columns.outcome, total, columns.owner).group_by(*order)
    return found.where(*_picked(COUNTS, names)).order_by(*order).limit(bindparam("most"))


def _seeks(query: CountQuery) -> bool:
    """Return whether the counts of keys are sought one by one, for each start of the time that is asked for.

    A range would be read whole, with the rows of all the owner's other keys.
    """
    of_one = query.key_id is not None and query.owner is not None and len(query.starts) <= _MOST_STARTS
    return of_one or query.key_ids is not None


def _sums(names: Iterable[str]) -> Select[Any, Any, Any, Any, Any]:
    """Return the query for the sums over the keys of owners."""
    columns = SUMS.c
    order = (columns.start, columns.outcome, columns.owner)
    found = select(columns.start, literal(""), columns.outcome, columns.requests, columns.owner)
    return found.where(*_picked(SUMS, names)).order_by(*order).limit(bindparam("most"))


def _picked(table: Table, names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions of a question that is narrowed by these fields."""
    columns = table.c
    picked = [columns.unit == bindparam("unit")]
    if "starts" in names:
        picked.append(columns.start.in_(bindparam("starts", expanding=True)))
    else:
        picked += [columns.start >= bindparam("since"), columns.start < bindparam("until")]
    if "key_ids" in names:
        picked.append(columns.key_id.in_(bindparam("key_ids", expanding=True)))
    if "plan" in names:
        picked.append(columns.owner.in_(select(OWNERS.c.id).where(OWNERS.c.plan == bindparam("plan"))))
    return picked + [columns[name] == bindparam(name) for name in ("owner", "key_id") if name in names]


def _add(connection: Connection, more: Mapping[tuple[str, int, str, str], int]) -> None:
    """Add to the rows of keys that are there, and to the sums of their owners, each in the order of its table.

    Every process locks rows in the same order, so that no two wait for each other. Sums come last: processes share
    them, and wait for each other's commit.
    """
    owners = _owners(connection, {key_id for _, _, key_id, _ in more})
    counts: dict[tuple[Any, ...], int] = {}
    sums: dict[tuple[Any, ...], int] = {}
    for (unit, start, key_id, outcome), requests in more.items():
        owner = owners.get(key_id)
        if owner is not None:
            counts[owner, unit, start, key_id, outcome] = requests
            place = (owner, unit, start, outcome)
            sums[place] = sums.get(place, 0) + requests
    for table, added in ((COUNTS, counts), (SUMS, sums)):
        rows = [dict(zip(table.c.keys(), (*place, added[place]), strict=True)) for place in sorted(added)]
        if rows:
            connection.execute(_added(table, connection.dialect.name), rows)


def _owners(connection: Connection, key_ids: Iterable[str]) -> dict[str, str]:
    """Return the owners of those keys that are there; foreign texts have no key and no owner.

    PostgreSQL lets nobody delete these keys until the transaction ends. An owner with a key cannot be purged. So a
    purge finds all counts of its owner, or their keys are gone before anything is added.
    """
    owners = {"": ""}
    for some in chunks(sorted(key_ids)):
        found = select(KEYS.c.key_id, KEYS.c.owner).where(KEYS.c.key_id.in_(some)).order_by(KEYS.c.key_id)
        held = found.with_for_update(read=True, key_share=True)
        owners.update((row[0], row[1]) for row in connection.execute(held))
    return owners


def _added(table: Table, dialect: str) -> Insert:
    """Add to a row, or make it."""
    insert = UPSERTS[dialect](table)
    total = {"requests": table.c.requests + insert.excluded.requests}
    added: Insert = insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=total)
    return added


def _forget(connection: Connection, now: float) -> None:
    if connection.dialect.name == "postgresql":
        mine = connection.execute(select(func.pg_catalog.pg_try_advisory_xact_lock(_TURN))).scalar()
        if not mine:
            return
    for table, (unit, seconds) in product((COUNTS, SUMS), KEPT.items()):
        connection.execute(table.delete().where(table.c.unit == unit.value, table.c.start < now - seconds))
