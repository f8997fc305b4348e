"""Owners and plans in an SQL database: the work in one transaction, and the registers over it.

Only one transaction writes owners and plans at a time, so their events are numbered in the order of the commits.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Generic

from sqlalchemy import func, insert, literal, select

from secretsource.stores._feed import news as _news
from secretsource.stores._sql import listing, statements
from secretsource.stores._sql.rows.documents import to_document, to_owner, to_plan
from secretsource.stores._sql.rows.tables import CREDITS, KEYS, OWNER_EVENTS, OWNERS, PLANS
from secretsource.stores.feeds import KeyChange
from secretsource.stores.owners import (
    Crowded,
    Kept,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    PlanRecord,
    Refused,
    Register,
    account_of,
)
from secretsource.stores.records import kept_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.records import Change

__all__ = ["SqlRegister", "announce", "crowded", "owners", "plans", "take_turn"]

_TURN = 0x5EC2E751
"""Our name among PostgreSQL's advisory locks: one transaction writes owners and plans, the others wait."""


class SqlRegister(Register[Kept], Generic[Kept]):
    """Owners, or plans, of a database.

    Args:
        database: The database.
        subject: The kind of record: ``owner`` or ``plan``.
        table: Their table.
        read: The record in a row of it: a revision and a document.
    """

    def __init__(self, database: Database, subject: str, table: Table, read: Callable[[int, str], Kept]) -> None:
        self._database = database
        self._subject = subject
        self._table = table
        self._read: Callable[[int, str], Kept] = read

    def get(self, id: str) -> Kept | None:
        """Return the record under an id; see `Register.get`."""
        found = select(self._table.c.revision, self._table.c.document).where(self._table.c.id == id)
        row = self._database.read(lambda connection: connection.execute(found).first())
        return None if row is None else self._read(*row)

    def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Compare and set; see `Register.put`."""
        return self._database.write(partial(self.put_in, record=record, event=event))

    def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Compare and delete; see `Register.delete`."""
        return self._database.write(partial(self._delete, record=record, event=event))

    def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Return records in the order of their ids; see `Register.list`."""
        table = self._table
        found = select(table.c.revision, table.c.document).order_by(table.c.id).limit(limit)
        if after is not None:
            found = found.where(table.c.id > after)
        if plan is not None and table is OWNERS:
            found = found.where(OWNERS.c.plan == plan)
        rows = self._database.read(lambda connection: connection.execute(found).all())
        return [self._read(*row) for row in rows]

    def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Return the events under an id; see `Register.events`."""
        columns = OWNER_EVENTS.c
        found = (
            select(OWNER_EVENTS)
            .where(columns.subject == self._subject, columns.id == id, columns.revision > after)
            .order_by(columns.revision)
            .limit(limit)
        )
        rows = self._database.read(lambda connection: connection.execute(found).all())
        return [_to_event(row) for row in rows]

    def put_in(self, connection: Connection, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Compare and set in a transaction that does more; a refusal has stored nothing."""
        held = self._held(connection, record)
        if held != record.revision:
            return Refused.OUTDATED
        columns: dict[str, Any] = {"id": record.id, "document": to_document(record)}
        if isinstance(record, OwnerRecord):
            columns["plan"] = record.plan
            if record.plan is not None and not _is_there(connection, PLANS, record.plan):
                return Refused.NO_PLAN
        columns["revision"] = revision = self.note(connection, event)
        table = self._table
        connection.execute(
            table.update().where(table.c.id == record.id).values(columns) if held else insert(table).values(columns)
        )
        return record._replace(revision=revision)

    def _delete(self, connection: Connection, record: Kept, event: OwnerEvent) -> Kept | Refused:
        if not record.revision or self._held(connection, record) != record.revision:
            return Refused.OUTDATED
        if self._table is PLANS and _is_there(connection, OWNERS, record.id, column="plan"):
            return Refused.IN_USE
        revision = self.note(connection, event)
        connection.execute(self._table.delete().where(self._table.c.id == record.id))
        if self._table is OWNERS:
            connection.execute(CREDITS.delete().where(CREDITS.c.account == account_of(record.id)))
        return record._replace(revision=revision)

    def _held(self, connection: Connection, record: Kept) -> int:
        """Return the stored revision, or 0; no other transaction writes until this one ends."""
        take_turn(connection)
        held = connection.execute(select(self._table.c.revision).where(self._table.c.id == record.id)).scalar()
        return held or 0

    def note(self, connection: Connection, event: OwnerEvent) -> int:
        """Write an event, and have PostgreSQL announce it at the commit; return its number."""
        columns = event._asdict()
        del columns["revision"]
        columns.update(subject=self._subject, kind=event.kind.value, fields=json.dumps(event.fields))
        written = connection.execute(insert(OWNER_EVENTS).values(columns)).inserted_primary_key
        assert written is not None
        announce(connection, self._subject, event.id)
        revision: int = written[0]
        return revision


def take_turn(connection: Connection) -> None:
    """Let no other transaction write owners and plans until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_catalog.pg_advisory_xact_lock(_TURN)))


def announce(connection: Connection, subject: str, id: str) -> None:
    """Have PostgreSQL announce a change of an owner or plan when it commits."""
    if connection.dialect.name == "postgresql":
        news = _news.written(KeyChange.of_terms(subject, id))
        connection.execute(statements.NOTIFY, {"payloads": [news]})


def owners(database: Database) -> SqlRegister[OwnerRecord]:
    """Return the owners of a database."""
    return SqlRegister(database, "owner", OWNERS, to_owner)


def plans(database: Database) -> SqlRegister[PlanRecord]:
    """Return the plans of a database."""
    return SqlRegister(database, "plan", PLANS, to_plan)


def crowded(connection: Connection, changes: Sequence[Change], most: Mapping[str, int], now: float) -> Crowded | None:
    """Return the first owner that would have too many keys; other transactions wait until this one ends."""
    for owner in sorted(most):
        connection.execute(select(OWNERS.c.id).where(OWNERS.c.id == owner).with_for_update()).first()
        chains = func.count(func.coalesce(KEYS.c.root, KEYS.c.key_id).distinct())
        held = connection.execute(select(chains).where(KEYS.c.owner == owner, listing.lives(now))).scalar() or 0
        new = [record for record, _ in changes if record.owner == owner and not record.has_ended(now)]
        if held + len(new) > most[owner]:
            return Crowded(owner, held)
    return None


def _is_there(connection: Connection, table: Table, id: str, column: str = "id") -> bool:
    found = select(literal(1)).where(table.c[column] == id).limit(1)
    return connection.execute(found).first() is not None


def _to_event(row: Any) -> OwnerEvent:
    return OwnerEvent(
        row.id,
        kept_word(OwnerEventKind, row.kind),
        row.time,
        tuple(json.loads(row.fields)),
        row.actor,
        row.origin,
        row.reason,
        row.revision,
    )
