"""A key's record as people and programs see it: a row, a page, a JSON document. Its hash is in none of them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from secretsource.cli._output import show_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from secretsource.issuing import KeyEvent, KeyRecord

__all__ = ["described", "described_event", "show_record", "show_records", "shown_instant"]

COLUMNS = ("key id", "key", "owner", "name", "status", "scopes", "created", "expires", "last used")


def described(record: KeyRecord) -> dict[str, Any]:
    """A record as a JSON document; the status is what it amounts to now."""
    return {
        "key_id": record.key_id,
        "display": record.display,
        "owner": record.owner,
        "name": record.name,
        "status": _status(record),
        "status_reason": record.status_reason,
        "prefix": record.prefix,
        "environment": record.environment,
        "scopes": sorted(record.scopes),
        "rate_limit": record.rate_limit,
        "quota": record.quota,
        "networks": list(record.networks),
        "created_at": _written(record.created_at),
        "not_before": _written(record.not_before),
        "expires_at": _written(record.expires_at),
        "last_used_at": _written(record.last_used_at),
        "overlap_ends_at": _written(record.overlap_ends_at),
        "predecessor": record.predecessor,
        "successor": record.successor,
        "pepper_version": record.pepper_version,
        "metadata": dict(record.metadata),
        "revision": record.revision,
    }


def described_event(event: KeyEvent) -> dict[str, Any]:
    """An event as a JSON document."""
    return {
        "key_id": event.key_id,
        "revision": event.revision,
        "kind": event.kind.value,
        "happened_at": _written(event.happened_at),
        "actor": event.actor,
        "origin": event.origin,
        "reason": event.reason,
    }


def show_record(record: KeyRecord, more: Iterable[tuple[str, str]] = ()) -> None:
    """Show one record as a page: one line for each field that says something, and more lines after it."""
    fields = [(name.replace("_", " "), _cell(value)) for name, value in described(record).items()]
    show_table(("field", "value"), [(name, value) for name, value in [*fields, *more] if value])


def show_records(records: Iterable[KeyRecord]) -> None:
    """Show records as a table, a line each."""
    show_table(COLUMNS, map(_row, records), unbroken=COLUMNS[:1])


def shown_instant(moment: datetime | None) -> str:
    """An instant in UTC to the minute, or nothing."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%MZ")


def _row(record: KeyRecord) -> tuple[str, ...]:
    return (
        record.key_id,
        record.display,
        record.owner,
        record.name,
        _status(record),
        " ".join(sorted(record.scopes)),
        shown_instant(record.created_at),
        shown_instant(record.expires_at),
        shown_instant(record.last_used_at),
    )


def _status(record: KeyRecord) -> str:
    return record.status_at(time.time()).value


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return "" if value is None else str(value)
