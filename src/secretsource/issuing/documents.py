"""The JSON documents of keys: the output of ``--json``, and the answers of an HTTP service. Pure; time is an argument.

One function writes each document and another reads it. Instants are RFC 3339 in UTC, to the second. No document has the
hash of a key, its look-up value or its seal; only `issued_document` and `rotated_document` have the key itself.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document.cells import csv_text
from secretsource.issuing._document.history import (
    event_document,
    history_document,
    read_event,
    read_history,
    read_recent_use,
    read_usage,
    recent_use_document,
    usage_document,
)
from secretsource.issuing._document.keys import (
    issued_document,
    owner_document,
    page_document,
    read_issued,
    read_page,
    read_record,
    read_rotated,
    read_rotation,
    record_document,
    revoked_document,
    rotated_document,
    rotation_document,
)
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
from secretsource.issuing._document.verdicts import (
    read_verdict,
    verdict_document,
)

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
