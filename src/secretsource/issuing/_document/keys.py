"""The JSON documents of keys: records, new keys, rotations, and their owners. Pure; time is an argument."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read, written
from secretsource.issuing._document.history import read_usage, usage_document
from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
from secretsource.stores.base import KeyRecord, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document
    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.ending.revocations import RevokedKeys

__all__ = [
    "issued_document",
    "owner_document",
    "page_document",
    "read_issued",
    "read_page",
    "read_record",
    "read_rotated",
    "read_rotation",
    "record_document",
    "revoked_document",
    "rotated_document",
    "rotation_document",
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
