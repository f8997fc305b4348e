"""Counted requests in an SQL database."""

from __future__ import annotations

from functools import lru_cache, partial
from math import ceil
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, cast, func, literal, select

from secretsource.stores._sql.rows.tables import COUNTS, KEYS, OWNERS
from secretsource.stores._sql.statements import UPSERTS
from secretsource.stores.registers.counts import KEPT, Count, CountQuery, CountStore, in_each_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Insert, Select

    from secretsource.stores._sql.connections.database import Database

__all__ = ["SqlCounts"]

_TURN = 0x5EC2E753
"""Our name among PostgreSQL's advisory locks: one transaction forgets, the others need not."""


class SqlCounts(CountStore):
    """Counts of a database.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Sequence[Count]) -> None:
        """Add counts; see `CountStore.add`."""
        sums = in_each_unit(counts)
        # Every process locks rows in the same order, so that no two wait for each other.
        names = ("in_unit", "at", "which", "came_to", "more")
        rows: list[dict[str, Any]] = [dict(zip(names, (*place, sums[place]), strict=True)) for place in sorted(sums)]
        self._database.write(partial(_add, rows=rows))

    def read(self, query: CountQuery) -> Sequence[Count]:
        """Return the counts that a query picks; see `CountStore.read`."""
        given = {name: value for name in _NARROWING if (value := getattr(query, name)) is not None}
        bounds: dict[str, Any] = {"unit": query.unit.value, "most": query.limit}
        if query.key_ids is None:
            bounds |= {"since": ceil(query.since), "until": ceil(query.until)}
        else:
            bounds["starts"] = [*query.starts]
        found = _question(*given, per_key=query.per_key)
        rows = self._database.read(lambda connection: connection.execute(found, {**bounds, **given}).all())
        return [*map(Count._make, rows)]

    def forget(self, now: float) -> None:
        """Forget what is old; see `CountStore.forget`."""
        self._database.write(partial(_forget, now=now))


_NARROWING: Mapping[str, ColumnElement[bool]] = {
    "owner": COUNTS.c.owner == bindparam("owner"),
    "key_id": COUNTS.c.key_id == bindparam("key_id"),
    "key_ids": COUNTS.c.key_id.in_(bindparam("key_ids", expanding=True)),
    "plan": COUNTS.c.owner.in_(select(OWNERS.c.id).where(OWNERS.c.plan == bindparam("plan"))),
}
"""By the field of a `CountQuery`."""
_WITHIN = (COUNTS.c.start >= bindparam("since"), COUNTS.c.start < bindparam("until"))
_AT = (COUNTS.c.start.in_(bindparam("starts", expanding=True)),)
"""The time of a query about several keys: with each start named, the rows of these keys are sought one by one.

A range would be read whole, with the rows of all the owner's other keys.
"""


@lru_cache(maxsize=16)
def _question(*names: str, per_key: bool) -> Select[Any, Any, Any, Any, Any]:
    """Return the query that is narrowed by these fields; for sums, the database adds up."""
    columns = COUNTS.c
    within = _AT if "key_ids" in names else _WITHIN
    picked = (columns.unit == bindparam("unit"), *within, *(_NARROWING[name] for name in _NARROWING if name in names))
    if per_key:
        found = select(columns.start, columns.key_id, columns.outcome, columns.requests, columns.owner)
        order = (columns.start, columns.key_id, columns.outcome)
    else:
        order = (columns.start, columns.outcome, columns.owner)
        total = cast(func.sum(columns.requests), BigInteger)
        found = select(columns.start, literal(""), columns.outcome, total, columns.owner).group_by(*order)
    return found.where(*picked).order_by(*order).limit(bindparam("most"))


def _add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    dialect = connection.dialect.name
    for known in (False, True):
        some = [row for row in rows if bool(row["which"]) is known]
        if some:
            connection.execute(_added(dialect, known=known), some)


def _added(dialect: str, *, known: bool) -> Insert:
    """Add to a row, or make it; one of a key only if the key is there, with its owner."""
    unit, outcome = bindparam("in_unit", type_=Text), bindparam("came_to", type_=Text)
    start, more = bindparam("at", type_=BigInteger), bindparam("more", type_=BigInteger)
    which = bindparam("which", type_=Text)
    if known:
        row = select(KEYS.c.owner, unit, start, KEYS.c.key_id, outcome, more).where(KEYS.c.key_id == which)
    else:
        row = select(literal(""), unit, start, which, outcome, more).where(which == which)  # noqa: PLR0124 - SQLite needs it
    insert = UPSERTS[dialect](COUNTS).from_select(["owner", "unit", "start", "key_id", "outcome", "requests"], row)
    total = {"requests": COUNTS.c.requests + insert.excluded.requests}
    added: Insert = insert.on_conflict_do_update(index_elements=list(COUNTS.primary_key.columns), set_=total)
    return added


def _forget(connection: Connection, now: float) -> None:
    if connection.dialect.name == "postgresql":
        mine = connection.execute(select(func.pg_catalog.pg_try_advisory_xact_lock(_TURN))).scalar()
        if not mine:
            return
    for unit, seconds in KEPT.items():
        connection.execute(COUNTS.delete().where(COUNTS.c.unit == unit.value, COUNTS.c.start < now - seconds))
