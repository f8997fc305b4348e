"""The statements of the SQL stores, and the meaning of their rows. Pure: nothing here has a connection.

A statement is built once; values are bound to it, never written into it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import import_module
from sys import intern
from typing import Any

from sqlalchemy import ARRAY, Double, Text, bindparam, func, select

from secretsource._ground.frozen import FrozenDict, frozen_document
from secretsource._ground.key_text import quote
from secretsource.exceptions import StoreError
from secretsource.stores import _cursor
from secretsource.stores._sql.rows.documents import to_terms
from secretsource.stores._sql.rows.tables import EVENTS, KEYS, OWNERS, PLANS, SEALS, USES, WITNESSES
from secretsource.stores.base import EventKind, KeyEvent, KeyRecord, Page, Status, Usage
from secretsource.stores.records import NO_METADATA, kept_word
from secretsource.stores.uses import MOST_WITNESSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Insert, Row, Update

    from secretsource.stores.base import Change, Use

CHANNEL = "secretsource_keys"
"""The channel of PostgreSQL's notices of changes."""

NETWORK, AGENT = "network", "agent"

MOST_BOUND = 500
"""Values in one ``IN (…)``."""


class _Upserts(dict[str, Any]):
    """The ``insert`` of each dialect; a dialect is loaded when a database speaks it."""

    def __missing__(self, dialect: str) -> Any:
        self[dialect] = import_module(f"sqlalchemy.dialects.{dialect}").insert
        return self[dialect]


UPSERTS: dict[str, Any] = _Upserts()
"""``INSERT … ON CONFLICT``, which all dialects write alike."""

INSERT_KEY = KEYS.insert()
INSERT_EVENT = EVENTS.insert()
SELECT_KEYS = select(KEYS, OWNERS.c.revision, OWNERS.c.document, PLANS.c.revision, PLANS.c.document).select_from(
    KEYS.outerjoin(OWNERS, OWNERS.c.id == KEYS.c.owner).outerjoin(PLANS, PLANS.c.id == OWNERS.c.plan)
)
"""Keys with their terms; `to_record` reads its rows."""
TAKEN_IDS = select(KEYS.c.key_id).where(KEYS.c.key_id.in_(bindparam("ids", expanding=True)))
TAKEN_LOOKUPS = select(KEYS.c.lookup).where(KEYS.c.lookup.in_(bindparam("lookups", expanding=True)))
GET = SELECT_KEYS.where(KEYS.c.key_id == bindparam("which"))
GET_MANY = SELECT_KEYS.where(KEYS.c.key_id.in_(bindparam("ids", expanding=True)))
FIND = SELECT_KEYS.where(KEYS.c.lookup.in_(bindparam("lookups", expanding=True))).limit(1)

UPDATE_KEY = (
    KEYS.update()
    .where(KEYS.c.key_id == bindparam("which"), KEYS.c.revision == bindparam("follows"))
    .values({column.name: bindparam(column.name) for column in KEYS.c if column.name not in {"key_id", "last_used"}})
)
"""Compare and set; a writer never changes ``last_used`` here."""

SEEN = (
    KEYS.update()
    .where(
        KEYS.c.key_id == bindparam("which"),
        KEYS.c.last_used.is_(None) | (KEYS.c.last_used < bindparam("at")),
    )
    .values(last_used=bindparam("at"))
)
"""Move forward only; write nothing if there is nothing to move."""


def _see_many() -> Update:
    """Return `SEEN` for many keys in one statement of PostgreSQL, which locks rows in the order of their ``key_id``."""
    given = func.unnest(bindparam("ids", type_=ARRAY(Text)), bindparam("instants", type_=ARRAY(Double)))
    seen = given.table_valued("key_id", "at").render_derived(name="seen")
    locked = (
        select(KEYS.c.key_id, seen.c.at)
        .where(KEYS.c.key_id == seen.c.key_id, KEYS.c.last_used.is_(None) | (KEYS.c.last_used < seen.c.at))
        .order_by(KEYS.c.key_id)
        .with_for_update(key_share=True, of=KEYS)
        .cte("locked")
    )
    return KEYS.update().where(KEYS.c.key_id == locked.c.key_id).values(last_used=locked.c.at)


SEE_MANY = _see_many()

SELECT_EVENTS = (
    select(*(column for column in EVENTS.c if column.name != "position"))
    .where(EVENTS.c.key_id == bindparam("which"), EVENTS.c.revision > bindparam("after"))
    .order_by(EVENTS.c.revision)
    .limit(bindparam("most"))
)
USAGE = (
    select(KEYS.c.last_used, func.coalesce(USES.c.requests, 0))
    .select_from(KEYS.outerjoin(USES))
    .where(KEYS.c.key_id == bindparam("which"))
)
SELECT_WITNESSES = select(WITNESSES.c.kind, WITNESSES.c.seen, WITNESSES.c.noted).where(
    WITNESSES.c.key_id == bindparam("which")
)
LOCK_WITNESSED = (
    select(KEYS.c.key_id)
    .where(KEYS.c.key_id.in_(bindparam("ids", expanding=True)))
    .order_by(KEYS.c.key_id)
    .with_for_update(key_share=True)
)
"""Lock keys in the order of their ``key_id``, so that two flushes do not both fill the last place of a witness."""
DROP_WITNESSES = WITNESSES.delete().where(
    WITNESSES.c.key_id == bindparam("which"), WITNESSES.c.noted < bindparam("old")
)
FORGET_WITNESSES = WITNESSES.delete().where(WITNESSES.c.noted < bindparam("old"))
SELECT_SEALS = select(SEALS.c.version, SEALS.c.key)
NOTIFY = select(func.pg_catalog.pg_notify(CHANNEL, func.pg_catalog.unnest(bindparam("payloads", type_=ARRAY(Text)))))


def count_uses(dialect: str) -> Insert:
    """Add requests to a key that is there."""
    there = select(KEYS.c.key_id, bindparam("requests", type_=USES.c.requests.type)).where(
        KEYS.c.key_id == bindparam("which")
    )
    insert = UPSERTS[dialect](USES).from_select(["key_id", "requests"], there)
    total = {"requests": USES.c.requests + insert.excluded.requests}
    counted: Insert = insert.on_conflict_do_update(index_elements=[USES.c.key_id], set_=total)
    return counted


def add_witness(dialect: str) -> Insert:
    """Add a network or a user agent to a key that is there and has room for it, or move its time forward."""
    kind, seen = bindparam("kind", type_=Text), bindparam("seen", type_=Text)
    others = (WITNESSES.c.key_id == KEYS.c.key_id, WITNESSES.c.kind == kind, WITNESSES.c.seen != seen)
    has_room = select(func.count()).where(*others).scalar_subquery() < MOST_WITNESSES
    noted = bindparam("noted", type_=Double)
    there = select(KEYS.c.key_id, kind, seen, noted).where(KEYS.c.key_id == bindparam("which"), has_room)
    insert = UPSERTS[dialect](WITNESSES).from_select(["key_id", "kind", "seen", "noted"], there)
    added: Insert = insert.on_conflict_do_update(
        index_elements=[*WITNESSES.primary_key.columns],
        set_={"noted": insert.excluded.noted},
        where=WITNESSES.c.noted < insert.excluded.noted,
    )
    return added


def keep_seal(dialect: str) -> Insert:
    """Remember a locator key that is not there yet."""
    kept: Insert = UPSERTS[dialect](SEALS).on_conflict_do_nothing()
    return kept


def page(rows: Sequence[Row[Any]], limit: int, end: tuple[float, str] | None = None) -> Page:
    """Return the rows of `listing.select_page`, and the cursor for continuing: behind the last, or where it stopped."""
    records = [to_record(list(row)) for row in rows[:limit]]
    if len(rows) > limit:
        return Page(records, _cursor.behind(records[-1]))
    return Page(records, None if end is None else _cursor.behind_place(*end))


def from_record(record: KeyRecord) -> dict[str, Any]:
    """Return a record as the columns hold it."""
    columns = record._asdict()
    del columns["terms"]  # which are kept with the owner and the plan
    columns["scopes"] = json.dumps(sorted(record.scopes)) if record.scopes else ""
    columns["networks"] = json.dumps(record.networks) if record.networks else ""
    columns["metadata"] = json.dumps(record.metadata) if record.metadata else ""
    columns["notices"] = json.dumps(record.notices) if record.notices else None
    columns["status"] = record.status.value
    return columns


def from_change(change: Change) -> dict[str, Any]:
    """Return the values bound to `UPDATE_KEY`."""
    columns = from_record(change.record)
    del columns["last_used"]  # SQLAlchemy would set a value that it is given
    columns["which"], columns["follows"] = columns.pop("key_id"), change.record.revision - 1
    return columns


def from_event(event: KeyEvent) -> dict[str, Any]:
    """Return an event as the columns hold it."""
    return {**event._asdict(), "kind": event.kind.value, "fields": ",".join(event.fields) or None}


def to_event(row: Sequence[Any]) -> KeyEvent:
    """Return the event in a row of `SELECT_EVENTS`."""
    key_id, revision, kind, time, actor, origin, reason, fields = row
    names = tuple(fields.split(",")) if fields else ()
    return KeyEvent(key_id, revision, kept_word(EventKind, kind), time, actor, origin, reason, names)


def to_usage(row: Sequence[Any] | None, witnesses: Iterable[Sequence[Any]]) -> Usage:
    """Return the usage in the rows of `USAGE` and `SELECT_WITNESSES`."""
    if row is None:
        return Usage()
    seen: dict[str, dict[str, float]] = {NETWORK: {}, AGENT: {}}
    for kind, what, noted in witnesses:
        seen[kind][what] = noted
    return Usage(row[0], row[1], FrozenDict(seen[NETWORK]), FrozenDict(seen[AGENT]))


def witnesses(use: Use) -> list[dict[str, Any]]:
    """Return the values bound to `add_witness` for one use, in the order of storing."""
    return [
        {"which": use.key_id, "kind": kind, "seen": seen, "noted": noted}
        for kind, clients in ((NETWORK, use.networks), (AGENT, use.agents))
        for seen, noted in sorted(clients.items())
    ]


def payloads(changes: Iterable[Change]) -> list[str]:
    """Return the text that announces changes to listeners."""
    return [f"{change.record.key_id}:{change.record.revision}" for change in changes]


def chunks(items: Sequence[Any], size: int = MOST_BOUND) -> Iterable[Sequence[Any]]:
    """Return a long sequence in pieces that fit one statement."""
    return (items[start : start + size] for start in range(0, len(items), size))


def repeated(records: Collection[KeyRecord]) -> frozenset[str]:
    """Return those ``key_id`` whose ``lookup`` an earlier record of the same batch has."""
    seen: set[bytes] = set()
    again: set[str] = set()
    for record in records:
        if record.lookup is not None:
            if record.lookup in seen:
                again.add(record.key_id)
            seen.add(record.lookup)
    return frozenset(again)


@lru_cache(maxsize=4096)
def _scopes(text: str) -> frozenset[str]:
    return frozenset(json.loads(text)) if text else frozenset()


@lru_cache(maxsize=1024)
def _networks(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def to_stamp(revision: int, owner: int | None, plan: int | None) -> int:
    """Return the stamp of a record, from its revision and those of its owner and its plan; see `KeyRecord.stamp`."""
    return revision if owner is None else ((plan or 0) << 64 | owner) << 32 | revision


_STATUSES = {status.value: status for status in Status}
_make = tuple.__new__
_PEPPER, _PREFIX, _ENVIRONMENT = (KeyRecord._fields.index(name) for name in ("pepper_version", "prefix", "environment"))
"""Texts that nearly all keys have in common: a cache of many records holds each once."""
_SCOPES, _NETWORKS, _STATUS, _METADATA, _NOTICES, _TERMS = (
    KeyRecord._fields.index(name) for name in ("scopes", "networks", "status", "metadata", "notices", "terms")
)


def to_record(cells: list[Any]) -> KeyRecord:
    """Return the record in a row of `SELECT_KEYS`, and empty the list of its cells; uncached checks call it.

    Raises:
        StoreError: The row is damaged, as by an edit by hand.
    """
    try:
        cells[_TERMS:] = (None,) if cells[_TERMS] is None else (to_terms(*cells[_TERMS:]),)
        cells[_PEPPER] = intern(cells[_PEPPER])
        cells[_PREFIX] = intern(cells[_PREFIX])
        cells[_ENVIRONMENT] = intern(cells[_ENVIRONMENT])
        cells[_SCOPES] = _scopes(cells[_SCOPES])
        cells[_STATUS] = _STATUSES.get(cells[_STATUS]) or kept_word(Status, cells[_STATUS])
        networks, metadata, notices = cells[_NETWORKS], cells[_METADATA], cells[_NOTICES]
        cells[_NETWORKS] = _networks(networks) if networks else ()
        cells[_METADATA] = frozen_document(json.loads(metadata)) if metadata else NO_METADATA
        cells[_NOTICES] = frozen_document(json.loads(notices)) if notices else NO_METADATA
        return _make(KeyRecord, cells)
    except (AttributeError, RecursionError, TypeError, ValueError):
        pass  # its error may quote the row
    raise StoreError(f"the record of key {quote(cells[0], 80)} is damaged: mend its row, or restore it from a backup")
