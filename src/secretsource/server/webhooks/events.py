"""The messages that webhooks are: their types, and their bodies made of the feed of events. Pure.

A message has the event as ``keys history --json`` shows it, and the key or the owner as ``keys show --json`` or
``owners show --json`` does. No key, no hash and no signing secret is in it.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from secretsource.issuing import EventKind, OwnerEventKind
from secretsource.issuing.documents import history_document
from secretsource.stores.base import Message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.stores.base import HistoryEvent

__all__ = ["TYPES", "message_of", "queue_of", "type_of"]

_TYPES: Mapping[tuple[str, EventKind | OwnerEventKind], str] = {
    ("key", EventKind.ISSUED): "key.issued",
    ("key", EventKind.ROTATED): "key.rotated",
    ("key", EventKind.ROTATION_FINISHED): "key.revoked",
    ("key", EventKind.REVOKED): "key.revoked",
    ("key", EventKind.EXPIRING): "key.expiring",
    ("key", EventKind.EXPOSED): "key.exposed",
    ("key", EventKind.REUSED): "key.reused",
    ("owner", OwnerEventKind.SUSPENDED): "owner.suspended",
    ("owner", OwnerEventKind.RESUMED): "owner.resumed",
    ("owner", OwnerEventKind.PURGED): "owner.purged",
}
TYPES = tuple(sorted(set(_TYPES.values())))
"""The types of messages, as receivers see them."""


def queue_of(endpoint: str) -> str:
    """Return the queue of an endpoint.

    Args:
        endpoint: The name of the endpoint.
    """
    return f"webhook:{endpoint}"


def type_of(event: HistoryEvent) -> str | None:
    """Return the type of the message that an event makes, or None if it makes none.

    Args:
        event: An event of the feed.
    """
    return _TYPES.get((event.subject, event.kind))


def message_of(event: HistoryEvent, endpoint: str, subject: Mapping[str, Any] | None) -> Message:
    """Return the message that tells an endpoint of an event; its identifier is the same in every process.

    Args:
        event: An event that has a type.
        endpoint: The name of the endpoint.
        subject: The document of the key or the owner; None if it is there no more.
    """
    kind = _TYPES[event.subject, event.kind]
    told = history_document(event)
    named = f"{event.subject}\n{event.id}\n{event.revision}\n{event.kind.value}\n{event.time!r}"
    id = f"msg_{sha256(named.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    body = {"type": kind, "timestamp": told["happened_at"], "data": {"event": told, event.subject: subject}}
    return Message(queue_of(endpoint), id, kind, json.dumps(body), event.time, event.owner)
