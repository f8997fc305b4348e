"""The messages that the feed of events makes: their types, their identifiers and their bodies."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from secretsource.issuing import EventKind, OwnerEventKind
from secretsource.issuing.documents import history_document
from secretsource.server.webhooks.events import TYPES, message_of, queue_of, type_of
from secretsource.stores.base import HistoryEvent, Message

REVOKED = HistoryEvent(7, "key", "k1", 2, EventKind.REVOKED, 1_700_000_000.5, "ann", owner="acme")


@pytest.mark.parametrize(
    ("subject", "kind", "type"),
    [
        ("key", EventKind.ISSUED, "key.issued"),
        ("key", EventKind.ROTATED, "key.rotated"),
        ("key", EventKind.ROTATION_FINISHED, "key.revoked"),
        ("key", EventKind.REVOKED, "key.revoked"),
        ("key", EventKind.EXPIRING, "key.expiring"),
        ("key", EventKind.EXPOSED, "key.exposed"),
        ("key", EventKind.REUSED, "key.reused"),
        ("owner", OwnerEventKind.SUSPENDED, "owner.suspended"),
        ("owner", OwnerEventKind.RESUMED, "owner.resumed"),
        ("owner", OwnerEventKind.PURGED, "owner.purged"),
        ("plan", OwnerEventKind.SUSPENDED, None),
        ("key", EventKind.UPDATED, None),
    ],
)
def test_an_event_has_a_type_or_none(subject: str, kind: EventKind | OwnerEventKind, type: str | None) -> None:
    """Receivers know each type by its name."""
    assert type_of(HistoryEvent(1, subject, "x", 1, kind, 0.0)) == type
    assert type is None or type in TYPES


def test_a_message_is_the_same_in_every_process() -> None:
    """Its identifier follows from the event, so that a receiver knows a repetition."""
    named = "key\nk1\n2\nrevoked\n1700000000.5"
    message = message_of(REVOKED, "shop", {"key_id": "k1"})
    told = history_document(REVOKED)
    body = {"type": "key.revoked", "timestamp": told["happened_at"], "data": {"event": told, "key": {"key_id": "k1"}}}
    id = f"msg_{sha256(named.encode()).hexdigest()[:32]}"
    assert json.loads(message.body) == body
    assert message == Message(queue_of("shop"), id, "key.revoked", message.body, REVOKED.time, "acme")
    assert queue_of("shop") == "webhook:shop"
    assert json.loads(message_of(REVOKED, "shop", None).body)["data"]["key"] is None
