"""The JSON documents of keys: the output of ``--json``, and the answers of an HTTP service. Pure; time is an argument.

One function writes each document and another reads it. Instants are RFC 3339 in UTC, to the second. No document has the
hash of a key, its look-up value or its seal; only `issued_document` and `rotated_document` have the key itself.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._document import tables
from secretsource.issuing._document.cells import csv_text
from secretsource.issuing._document.draws import read_draw
from secretsource.issuing._document.forms import INSTANT, SECONDS, maybe, read, written
from secretsource.issuing._document.limits import limit_document, read_limit
from secretsource.issuing._document.outcomes import (
    chores_document,
    health_document,
    message_document,
    pepper_document,
    purge_document,
    read_chores,
    read_health,
    read_message,
    read_purge,
    read_report,
    report_document,
    signed_out_document,
)
from secretsource.issuing._document.registers import (
    count_document,
    owner_record_document,
    plan_document,
    read_count,
    read_owner_record,
    read_plan,
)
from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
from secretsource.issuing._manage.recent_use import RecentUse
from secretsource.issuing._verdict import Accepted, Rejected
from secretsource.stores.base import HistoryEvent, KeyEvent, KeyRecord, Page, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.revocations import RevokedKeys
    from secretsource.issuing._verdict import Verdict

    Document: TypeAlias = dict[str, Any]

__all__ = [
    "chores_document",
    "count_document",
    "csv_text",
    "event_document",
    "health_document",
    "history_document",
    "issued_document",
    "limit_document",
    "message_document",
    "owner_document",
    "owner_record_document",
    "page_document",
    "pepper_document",
    "plan_document",
    "purge_document",
    "read_chores",
    "read_count",
    "read_event",
    "read_health",
    "read_history",
    "read_issued",
    "read_limit",
    "read_message",
    "read_owner_record",
    "read_page",
    "read_plan",
    "read_purge",
    "read_recent_use",
    "read_record",
    "read_report",
    "read_rotated",
    "read_rotation",
    "read_usage",
    "read_verdict",
    "recent_use_document",
    "record_document",
    "report_document",
    "revoked_document",
    "rotated_document",
    "rotation_document",
    "signed_out_document",
    "usage_document",
    "verdict_document",
]


def record_document(record: KeyRecord, now: float) -> Document:
    """Write a record.

    Args:
        record: The record.
        now: The present, in seconds since 1970 UTC: the document has the status as of now.

    Returns:
        The fields of the record that people and programs may see.
    """
    return written(tables.RECORD, record._replace(status=record.status_at(now)))


def read_record(document: Mapping[str, Any]) -> KeyRecord:
    """Read a record; its hash is empty, because no document has it.

    Args:
        document: The result of `record_document`; unknown fields are ignored.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    told = read(tables.RECORD, document, "record")
    del told["rotation_due"]  # other fields and the plan say it
    return KeyRecord(hash=b"", **told)


def page_document(page: Page, now: float) -> Document:
    """Write a page of records.

    Args:
        page: The page.
        now: The present, in seconds since 1970 UTC.

    Returns:
        ``keys``, and in ``next`` the cursor of the next page, or null.
    """
    return {"keys": [record_document(record, now) for record in page.records], "next": page.next}


def read_page(document: Mapping[str, Any]) -> Page:
    """Read a page of records.

    Args:
        document: The result of `page_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    found = read(tables.PAGE, document, "page")
    return Page([read_record(record) for record in found["keys"]], found["next"])


def event_document(event: KeyEvent) -> Document:
    """Write one event of the history of a key.

    Args:
        event: The event.
    """
    return written(tables.EVENT, event)


def read_event(document: Mapping[str, Any]) -> KeyEvent:
    """Read one event.

    Args:
        document: The result of `event_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return KeyEvent(**read(tables.EVENT, document, "event"))


def history_document(event: HistoryEvent) -> Document:
    """Write one event of the feed of all keys, owners and plans.

    Args:
        event: An event of `ApiKeys.history`.
    """
    return written(tables.HISTORY, event)


def read_history(document: Mapping[str, Any]) -> HistoryEvent:
    """Read one event of the feed.

    Args:
        document: The document that `history_document` wrote.

    Raises:
        InvalidRequest: A field is missing, or is not of its form.
    """
    return HistoryEvent(**read(tables.HISTORY, document, "event"))


def issued_document(issued: Issued, now: float) -> Document:
    """Write a new key: its record, and in ``key`` the key itself, at the only moment at which it is shown.

    Args:
        issued: The new key.
        now: The present, in seconds since 1970 UTC.
    """
    return {**record_document(issued.record, now), "key": issued.plaintext, "warnings": list(issued.warnings)}


def read_issued(document: Mapping[str, Any]) -> Issued:
    """Read a new key.

    Args:
        document: The result of `issued_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return Issued(read(tables.ISSUED, document, "new key")["plaintext"], read_record(document))


def rotated_document(rotated: Rotated, now: float) -> Document:
    """Write a rotation: the record of the new key, the old one in ``rotated``, and in ``key`` the new key itself.

    Args:
        rotated: The rotation.
        now: The present, in seconds since 1970 UTC.

    Returns:
        The document; ``key`` is null when an earlier call made the new key.
    """
    new, old = record_document(rotated.successor, now), record_document(rotated.predecessor, now)
    return {**new, "rotated": old, "key": rotated.plaintext, "warnings": list(rotated.warnings)}


def read_rotated(document: Mapping[str, Any]) -> Rotated:
    """Read a rotation.

    Args:
        document: The result of `rotated_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    found = read(tables.ROTATED, document, "rotation")
    return Rotated(read_record(found["rotated"]), read_record(document), found["plaintext"])


def usage_document(usage: Usage) -> Document:
    """Write the use of a key.

    Args:
        usage: The usage.
    """
    return written(tables.USAGE, usage)


def read_usage(document: Mapping[str, Any]) -> Usage:
    """Read the use of a key.

    Args:
        document: The result of `usage_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return Usage(**read(tables.USAGE, document, "usage"))


def recent_use_document(use: RecentUse) -> Document:
    """Write the use of a key in the last day.

    Args:
        use: The use.
    """
    return written(tables.RECENT_USE, use)


def read_recent_use(document: Mapping[str, Any]) -> RecentUse:
    """Read the use of a key in the last day.

    Args:
        document: The result of `recent_use_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return RecentUse(**read(tables.RECENT_USE, document, "recent use"))


def rotation_document(rotation: RotationStatus, now: float) -> Document:
    """Write the state of a rotation, with the uses of the old key.

    Args:
        rotation: The state of the rotation.
        now: The present, in seconds since 1970 UTC.
    """
    return {
        **written(tables.ROTATION, rotation),
        "usage": usage_document(rotation.usage),
        "old_key": record_document(rotation.predecessor, now),
        "new_key": record_document(rotation.successor, now),
    }


def read_rotation(document: Mapping[str, Any]) -> RotationStatus:
    """Read the state of a rotation, with the uses of the old key.

    Args:
        document: The result of `rotation_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    parts = read(tables.ROTATION_PARTS, document, "rotation")
    told = read(tables.ROTATION, document, "rotation")
    del told["old_key_used"]  # the usage says it
    return RotationStatus(
        predecessor=read_record(parts["old_key"]),
        successor=read_record(parts["new_key"]),
        usage=read_usage(parts["usage"]),
        **told,
    )


def verdict_document(verdict: Verdict, now: float) -> Document:
    """Write a verdict, with the inner reason: for the service that asked, not for the client that sent the key.

    Args:
        verdict: The verdict.
        now: The present, in seconds since 1970 UTC.

    Returns:
        The document; ``code`` is the only word to pass on to the client, or ``accepted``.
    """
    document: Document = {
        "accepted": bool(verdict),
        "code": "accepted",
        "reason": None,
        "record": None if verdict.record is None else record_document(verdict.record, now),
        "scopes": [],
        "limits": [limit_document(state) for state in verdict.limits],
        "refused_by": None,
        "retry_after": None,
        "rotated_at": None,
    }
    if isinstance(verdict, Accepted):
        return {**document, "rotated_at": maybe(INSTANT).write(verdict.rotated)}
    refused_by = None if verdict.draw is None else verdict.draw.refused_by
    return {
        **document,
        "code": verdict.answer.code,
        "reason": verdict.reason.value,
        "scopes": list(verdict.scopes),
        "refused_by": None if refused_by is None else refused_by.name,
        "retry_after": maybe(SECONDS).write(verdict.retry_after),
    }


def read_verdict(document: Mapping[str, Any]) -> Verdict:
    """Read a verdict.

    Args:
        document: The result of `verdict_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form; or a verdict is accepted without a record, or
            rejected without a reason.
    """
    told = read(tables.VERDICT, document, "verdict")
    record = None if told["record"] is None else read_record(told["record"])
    draw = read_draw(told) if told["limits"] else None
    if told["accepted"] and record is not None and told["reason"] is None:
        return Accepted(record, draw, told["rotated"])
    if told["accepted"] or told["reason"] is None:
        raise InvalidRequest("a verdict must be accepted with a record, or rejected with a reason")
    return Rejected(told["reason"], record, scopes=told["scopes"], draw=draw)


def owner_document(owner: Owner | None) -> Document:
    """Write the owner of a key, as far as the key alone tells it.

    Args:
        owner: The owner; None for a key that is not ours.
    """
    told = None if owner is None else {"kind": owner.kind.name.lower(), "name": owner.name}
    return {"ours": owner is not None, "owner": told}


def revoked_document(revoked: RevokedKeys, now: float) -> Document:
    """Write the keys of an owner that were revoked, and in ``left`` the keys that could not be, each with the reason.

    Args:
        revoked: The result of `revoke_all`.
        now: The present, in seconds since 1970 UTC.
    """
    return {"keys": [record_document(record, now) for record in revoked], "left": dict(revoked.left)}
