"""Show records of keys to people: one as a page, many as a table."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.durations import LENGTHS, shown_length
from secretsource.stores.base import Page, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from secretsource.issuing import KeyRecord

__all__ = ["show_key", "show_page", "show_record", "show_records", "shown_instant", "whole_page"]

COLUMNS = ("key id", "key", "owner", "name", "status", "scopes", "created", "expires", "last used")


def show_key(record: KeyRecord, *, as_json: bool) -> None:
    """Show one record as a page, or as its document."""
    from secretsource.issuing.documents import record_document

    if as_json:
        write_json(record_document(record, time.time()))
    else:
        show_record(record)


def show_record(record: KeyRecord, more: Iterable[tuple[str, str]] = ()) -> None:
    """Show one record as a page: a line for each field that is not empty, then more lines."""
    from secretsource.issuing.documents import record_document

    fields = [
        (name.replace("_", " "), _cell(name, value)) for name, value in record_document(record, time.time()).items()
    ]
    show_table(("field", "value"), [(name, value) for name, value in [*fields, *more] if value])


def show_records(records: Iterable[KeyRecord]) -> None:
    """Show records as a table, one line for each."""
    show_table(COLUMNS, map(_row, records), unbroken=COLUMNS[:1])


def whole_page(ask: Callable[..., Page], after: str | None, limit: int) -> Page:
    """Ask for pages until they have as many records as wanted: a page is short where few of many keys are wanted.

    Args:
        ask: Takes ``after`` and ``limit``.
        after: Where the first page begins; None for the beginning.
        limit: Records that are wanted.
    """
    page = ask(after=after, limit=limit)
    found = list(page)
    while page.next is not None and len(found) < limit:
        page = ask(after=page.next, limit=limit - len(found))
        found += page
    return Page(found, page.next)


def show_page(page: Page, *, as_json: bool) -> None:
    """Show one page of records as a table, or as its document, and how the list goes on."""
    if as_json:
        from secretsource.issuing.documents import page_document  # a table needs none

        write_json(page_document(page, time.time()))
        return
    show_records(page.records)
    if page.next is not None:
        say("more", f"go on with  --after {page.next}")


def shown_instant(moment: datetime | None) -> str:
    """Write an instant in UTC to the minute; an empty text for None."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%MZ")


def _row(record: KeyRecord) -> tuple[str, ...]:
    return (
        record.key_id,
        record.display,
        record.owner,
        record.name,
        _status(record, time.time()),
        " ".join(sorted(record.scopes)),
        shown_instant(record.created_at),
        shown_instant(record.expires_at),
        shown_instant(record.last_used_at),
    )


def _status(record: KeyRecord, now: float) -> str:
    """Write the status, and whether a rotation is due."""
    due = record.rotation_due
    is_due = due is not None and due <= now and record.status_at(now) is Status.ACTIVE
    return f"{record.status_at(now).value}, rotation due" if is_due else record.status_at(now).value


def _cell(name: str, value: Any) -> str:
    if name in LENGTHS and value is not None:
        return shown_length(value)
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return "" if value is None else str(value)
