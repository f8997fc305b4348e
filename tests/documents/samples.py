"""One value of each kind, from which the expected files are made; every instant of them lies before `NOW`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsource._ground.frozen import frozen_document
from secretsource.issuing import (
    Accepted,
    ChoreReport,
    EventKind,
    FeedHealth,
    Health,
    HistoryEvent,
    ImportReport,
    Issued,
    KeyEvent,
    KeyRecord,
    Owner,
    OwnerEventKind,
    OwnerKind,
    OwnerRecord,
    Page,
    PepperState,
    PepperUse,
    PurgeReport,
    Reason,
    RecentUse,
    Rejected,
    RejectedRow,
    RevokedKeys,
    Rotated,
    RotationStatus,
    Status,
    Usage,
)
from secretsource.issuing import documents as d
from secretsource.limiters.base import AtOnce, Credits, Draw, Plan, Quota, Rate
from secretsource.stores.base import Message

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""

DAY = 86400.0
HASH = bytes(range(32))
LOOKUP = bytes(range(100, 132))
FOREIGN = "sha256$5f9c4ab08cac7457e9111a30e4664920607ea2c115a1433d7be98e97e64244ca"
OLD_ID, NEW_ID = "6tQ0eJ5mZc1oPqXb2RkV9s", "1aB2cD3eF4gH5iJ6kL7mN8"
KEY = f"acme_live_{NEW_ID}{'x' * 32}ss1abcdef"

OLD = KeyRecord(
    key_id=OLD_ID,
    hash=HASH,
    pepper_version="0badc0de",
    display="acme_live_6tQ0…",
    owner="Ærø Shipping",
    prefix="acme",
    environment="live",
    created=NOW - 30 * DAY,
    name="billing worker",
    scopes=frozenset({"invoices:read", "invoices:*", "customers:read"}),
    rate_limit="100/minute, 10/second burst 20",
    quota="10000/month",
    credits=5000,
    networks=("203.0.113.0/24", "2001:db8::/32"),
    begins=NOW - 29 * DAY,
    expires=NOW + 60 * DAY,
    status=Status.ROTATING,
    status_reason="yearly",
    successor=NEW_ID,
    overlap_ends=NOW + 7 * DAY,
    last_used=NOW - 60.5,
    metadata=frozen_document({"plan": {"name": "pro", "seats": [1, 2]}, "note": None}),
    foreign=FOREIGN,
    lookup=LOOKUP,
    revision=3,
)
NEW = KeyRecord(
    key_id=NEW_ID,
    hash=HASH[::-1],
    pepper_version="0badc0de",
    display="acme_live_1aB2…",
    owner="Ærø Shipping",
    prefix="acme",
    environment="live",
    created=NOW - DAY,
    predecessor=OLD_ID,
    root=OLD_ID,
    rotate_every=90 * DAY,
)
EXPIRED = NEW._replace(expires=NOW - 1, status_reason=None)
RECENT_USE = RecentUse(
    OLD_ID, NOW - DAY, NOW - 60, 12, 3, {"203.0.113.9": NOW - 60, "203.0.113.7": NOW - 3600}, {"curl/8.5": NOW - 60}
)
USAGE = Usage(
    NOW - 60,
    12,
    {"203.0.113.9": NOW - 60, "203.0.113.7": NOW - 3600},
    {"billing-worker/1.4": NOW - 60, "curl/8.5": NOW - 3600},
)
PLAN = Plan((Rate(100, 60, 100, "minute"), Quota(10_000, "month")))
GRANTED = PLAN.draw(None, 1, 1000.0, NOW)
SMALL = Plan((Rate(100, 60, 100, "minute"), Quota(1, "month")))
CREDITS = Plan((AtOnce(5), Credits(5000), Credits(9000, "owner")))
EXHAUSTED = Draw(CREDITS, (((), -1), Credits(5000).level(5000), Credits(9000, "owner").level(8000)), 1000.0, NOW)
EXHAUSTED.refused_by = CREDITS.rules[1]
REFUSED = SMALL.draw(SMALL.draw(None, 1, 1000.0, NOW).levels, 1, 1000.0, NOW)

SAMPLES: dict[str, tuple[Any, Callable[[Any], dict[str, Any]], Callable[[Any], Any] | None]] = {
    "record": (OLD, lambda record: d.record_document(record, NOW), d.read_record),
    "record_plain": (NEW, lambda record: d.record_document(record, NOW), d.read_record),
    "record_expired": (EXPIRED, lambda record: d.record_document(record, NOW), d.read_record),
    "page": (Page([OLD, NEW], "cursor"), lambda page: d.page_document(page, NOW), d.read_page),
    "event": (
        KeyEvent(OLD_ID, 2, EventKind.ROTATED, NOW - DAY, "alice", "203.0.113.9", "yearly"),
        d.event_document,
        d.read_event,
    ),
    "event_updated": (
        KeyEvent(OLD_ID, 3, EventKind.UPDATED, NOW - DAY, "alice", None, None, ("expires_at", "scopes")),
        d.event_document,
        d.read_event,
    ),
    "history": (
        HistoryEvent(7, "key", OLD_ID, 3, EventKind.UPDATED, NOW - DAY, "alice", None, "narrower", ("scopes",), "acme"),
        d.history_document,
        d.read_history,
    ),
    "history_plan": (
        HistoryEvent(8, "plan", "pro", 2, OwnerEventKind.CHANGED, NOW - DAY, None, None, None, ("rate_limit",)),
        d.history_document,
        d.read_history,
    ),
    "issued": (Issued(KEY, NEW), lambda issued: d.issued_document(issued, NOW), d.read_issued),
    "rotated": (Rotated(OLD, NEW, KEY), lambda rotated: d.rotated_document(rotated, NOW), d.read_rotated),
    "rotated_before": (Rotated(OLD, NEW, None), lambda rotated: d.rotated_document(rotated, NOW), d.read_rotated),
    "rotation": (
        RotationStatus(OLD, NEW, Status.ROTATING, NOW - DAY, NOW + 7 * DAY, USAGE, False),
        lambda rotation: d.rotation_document(rotation, NOW),
        d.read_rotation,
    ),
    "chores": (ChoreReport(5, {"expiring": 2, "unused": 1}, 1, 3, done=True), d.chores_document, d.read_chores),
    "message": (
        Message("webhook:shop", "msg_1", "key.issued", "", 1000.0, "acme", None, 8, "gone"),
        d.message_document,
        d.read_message,
    ),
    "purge": (PurgeReport("acme", 2, 7), d.purge_document, d.read_purge),
    "signed_out": (("acme", 3), lambda ended: d.signed_out_document(*ended), None),
    "recent_use": (RECENT_USE, d.recent_use_document, d.read_recent_use),
    "recent_use_uncounted": (
        RECENT_USE._replace(last_used=None, accepted=None, refused=None, networks={}, agents={}),
        d.recent_use_document,
        d.read_recent_use,
    ),
    "usage": (USAGE, d.usage_document, d.read_usage),
    "usage_none": (Usage(), d.usage_document, d.read_usage),
    "verdict_accepted": (
        Accepted(OLD, GRANTED, NOW - DAY),
        lambda verdict: d.verdict_document(verdict, NOW),
        d.read_verdict,
    ),
    "verdict_unknown": (Rejected(Reason.UNKNOWN), lambda verdict: d.verdict_document(verdict, NOW), d.read_verdict),
    "verdict_scope": (
        Rejected(Reason.INSUFFICIENT_SCOPE, NEW, scopes=("invoices:write", "refunds:write")),
        lambda verdict: d.verdict_document(verdict, NOW),
        d.read_verdict,
    ),
    "verdict_limited": (
        Rejected(Reason.QUOTA_EXCEEDED, NEW, draw=REFUSED),
        lambda verdict: d.verdict_document(verdict, NOW),
        d.read_verdict,
    ),
    "verdict_credits": (
        Rejected(Reason.CREDITS_EXHAUSTED, NEW, draw=EXHAUSTED),
        lambda verdict: d.verdict_document(verdict, NOW),
        d.read_verdict,
    ),
    "limit": (Credits(5000).state((7, 2**53), 0.0), d.limit_document, d.read_limit),
    "owner_record": (
        OwnerRecord("acme", NOW - DAY, "Acme", "pro", credits=9000, revision=7),
        d.owner_record_document,
        d.read_owner_record,
    ),
    "report": (
        ImportReport(
            1000,
            997,
            3,
            {"already imported": 2, "hash is cut short": 1},
            [RejectedRow(7, "x", {"a": KEY})],
            {"team": 4},
        ),
        d.report_document,
        d.read_report,
    ),
    "health": (
        Health(
            (
                FeedHealth("postgresql://db.internal/keys", True, NOW - 3600, NOW - 2),
                FeedHealth("redis://cache.internal", False, NOW - 30, None, "connection refused: start it"),
                FeedHealth("polling", None),
            ),
            2,
        ),
        d.health_document,
        d.read_health,
    ),
    "pepper": (PepperUse("0badc0de", 12, PepperState.STILL_NEEDED), d.pepper_document, None),
    "revoked": (
        RevokedKeys([NEW], {OLD_ID: "the key store is down: try again"}),
        lambda revoked: d.revoked_document(revoked, NOW),
        None,
    ),
    "owner": (Owner(OwnerKind.SLUG, "acme", "acme"), d.owner_document, None),
    "owner_not_ours": (None, d.owner_document, None),
}
"""For each expected file: a value, what writes it, and what reads it."""

FILES = Path(__file__).parent


def expected(name: str) -> Any:
    """The expected document of that name."""
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":  # PYTHONPATH=src:. python -m tests.documents.samples  writes the files anew
    for name, (value, write, _) in SAMPLES.items():
        (FILES / f"{name}.json").write_text(json.dumps(write(value), indent=2) + "\n", encoding="utf-8")
