"""Records, changes and rotations to try a key store with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.stores.base import Change, EventKind, KeyEvent, KeyRecord, Status, Use
from secretsource.stores.uses import MOST_WITNESSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyStore

__all__ = ["CANARY", "FULL", "changed", "new", "record", "rotated", "told", "writes"]

CANARY = "canary-51c0de77a4-must-not-be-seen"


def record(number: int, **fields: Any) -> KeyRecord:
    """Return one of many new records, the oldest first."""
    plain = KeyRecord(f"{number:022}", bytes(32), "01234567", "sk_live_0000…", "acme", "sk", "live", float(number))
    return plain._replace(**{"hash": number.to_bytes(32, "big"), **fields})


def new(number: int, **fields: Any) -> Change:
    """Return the first revision of a record, and its event."""
    return told(record(number, **fields), EventKind.ISSUED)


def changed(old: KeyRecord, **fields: Any) -> Change:
    """Return the next revision of a record, and its event."""
    return told(old._replace(revision=old.revision + 1, **fields), EventKind.DISABLED)


def told(of: KeyRecord, kind: EventKind) -> Change:
    """Return a record with an event."""
    return Change(of, KeyEvent(of.key_id, of.revision, kind, 1000.5 + of.revision, "someone", "203.0.113.9", "why"))


def rotated(old: KeyRecord, number: int) -> tuple[Change, Change]:
    """Return a rotation to a new record."""
    successor = new(number, owner=old.owner, predecessor=old.key_id, root=old.limit_key)
    return changed(old, status=Status.ROTATING, successor=successor.record.key_id, overlap_ends=2e9), successor


FULL = record(
    1,
    pepper_version="89abcdef",
    display="sk_test_Grü…",
    owner="Müller & Söhne 株式会社 🔑",
    prefix="pk2",
    environment="test",
    created=1_700_000_000.123457,
    name="a name with 'quotes', \"more\" and a \\",
    scopes=frozenset({"invoices:*", "ünïcode:read", 'a"b'}),
    rate_limit="100/minute, 10/second",
    quota="10000/month",
    networks=("10.0.0.0/8", "2001:db8::/32"),
    begins=1_700_000_001.000001,
    expires=1_900_000_000.999999,
    status=Status.ROTATING,
    status_reason="moved to the cloud ☁",
    predecessor="p" * 22,
    successor="s" * 22,
    root="r" * 22,
    overlap_ends=1_800_000_000.25,
    last_used=1_750_000_000.5,
    metadata={"plan": "gold", "seats": 3, "tags": ["a", None, True], "nested": {"é": 1.5}, "nul": "\0"},
    foreign="sha512:abcdef",
    lookup=bytes(range(64)),
    rotate_every=7_776_000.5,
    revoked=1_760_000_000.125,
    notices={"expiring": 1_900_000_000.999999, "reused": 1_760_000_001.5},
    credits=2**40,
)
"""Return a record with a value in every field."""


def writes(store: KeyStore) -> list[Callable[[], object]]:
    """Return each call that writes; the records are large, and have the canary in every text."""
    marked: dict[str, Any] = {
        "owner": CANARY,
        "name": CANARY,
        "hash": CANARY[:32].encode(),
        "metadata": {"note": CANARY, "padding": "x" * 65536},
    }
    predecessor, successor = rotated(record(1, **marked), 2)
    successor = successor._replace(record=successor.record._replace(**marked))
    networks = {f"{CANARY} {number:0200}": 9.0 for number in range(MOST_WITNESSES)}
    return [
        lambda: store.record_uses([Use(record(3).key_id, 9.0, 1, networks, {CANARY: 9.0})]),
        lambda: store.rotate(predecessor, successor),
        lambda: store.update(changed(record(3), **marked)),
        lambda: store.insert([new(7, **marked), new(8, **marked)]),
    ]
