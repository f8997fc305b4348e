"""The fields of each document: their names, attributes and forms. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document.forms import (
    COUNTS,
    DOCUMENT,
    FLAG,
    INSTANT,
    INSTANTS,
    LIST,
    NAMES,
    NUMBER,
    OBJECT,
    SECONDS,
    TEXT,
    TEXTS,
    Field,
    maybe,
    one_of,
)
from secretsource.issuing._verdict import Reason
from secretsource.stores.base import EventKind, OwnerEventKind, Status

RECORD = (
    Field("key_id", "key_id", TEXT),
    Field("display", "display", TEXT),
    Field("owner", "owner", TEXT),
    Field("name", "name", TEXT),
    Field("status", "status", one_of(Status)),
    Field("status_reason", "status_reason", maybe(TEXT)),
    Field("prefix", "prefix", TEXT),
    Field("environment", "environment", TEXT),
    Field("scopes", "scopes", NAMES),
    Field("rate_limit", "rate_limit", maybe(TEXT)),
    Field("quota", "quota", maybe(TEXT)),
    Field("credits", "credits", maybe(NUMBER)),
    Field("networks", "networks", TEXTS),
    Field("created_at", "created", INSTANT),
    Field("not_before", "begins", maybe(INSTANT)),
    Field("expires_at", "expires", maybe(INSTANT)),
    Field("last_used_at", "last_used", maybe(INSTANT)),
    Field("overlap_ends_at", "overlap_ends", maybe(INSTANT)),
    Field("revoked_at", "revoked", maybe(INSTANT)),
    Field("rotate_every", "rotate_every", maybe(SECONDS)),
    Field("rotation_due_at", "rotation_due", maybe(INSTANT)),
    Field("predecessor", "predecessor", maybe(TEXT)),
    Field("successor", "successor", maybe(TEXT)),
    Field("pepper_version", "pepper_version", TEXT),
    Field("metadata", "metadata", OBJECT),
    Field("revision", "revision", NUMBER),
)
PAGE = (Field("keys", "keys", LIST), Field("next", "next", maybe(TEXT)))
EVENT = (
    Field("key_id", "key_id", TEXT),
    Field("revision", "revision", NUMBER),
    Field("kind", "kind", one_of(EventKind)),
    Field("happened_at", "time", INSTANT),
    Field("actor", "actor", maybe(TEXT)),
    Field("origin", "origin", maybe(TEXT)),
    Field("reason", "reason", maybe(TEXT)),
    Field("fields", "fields", TEXTS),
)
HISTORY = (
    Field("position", "position", NUMBER),
    Field("subject", "subject", TEXT),
    Field("id", "id", TEXT),
    Field("owner", "owner", maybe(TEXT)),
    Field("revision", "revision", NUMBER),
    Field("kind", "kind", one_of(EventKind, OwnerEventKind)),
    Field("happened_at", "time", INSTANT),
    Field("actor", "actor", maybe(TEXT)),
    Field("origin", "origin", maybe(TEXT)),
    Field("reason", "reason", maybe(TEXT)),
    Field("fields", "fields", TEXTS),
)
USAGE = (
    Field("last_used_at", "last_used", maybe(INSTANT)),
    Field("requests", "requests", NUMBER),
    Field("networks", "networks", INSTANTS),
    Field("agents", "agents", INSTANTS),
)
RECENT_USE = (
    Field("key_id", "key_id", TEXT),
    Field("since_at", "since", INSTANT),
    Field("last_used_at", "last_used", maybe(INSTANT)),
    Field("accepted", "accepted", maybe(NUMBER)),
    Field("refused", "refused", maybe(NUMBER)),
    Field("networks", "networks", INSTANTS),
    Field("agents", "agents", INSTANTS),
)
ROTATION = (
    Field("status", "status", one_of(Status)),
    Field("began_at", "began", INSTANT),
    Field("ends_at", "ends", maybe(INSTANT)),
    Field("old_key_used", "old_key_used", FLAG),
    Field("new_key_used", "successor_used", FLAG),
)
ROTATION_PARTS = (
    Field("usage", "usage", DOCUMENT),
    Field("old_key", "old_key", DOCUMENT),
    Field("new_key", "new_key", DOCUMENT),
)
ISSUED = (Field("key", "plaintext", TEXT),)
ROTATED = (Field("rotated", "rotated", DOCUMENT), Field("key", "plaintext", maybe(TEXT)))
LIMIT = (
    Field("name", "name", TEXT),
    Field("limit", "limit", NUMBER),
    Field("window", "window", maybe(NUMBER)),
    Field("remaining", "remaining", NUMBER),
    Field("reset", "reset", maybe(SECONDS)),
)
VERDICT = (
    Field("accepted", "accepted", FLAG),
    Field("reason", "reason", maybe(one_of(Reason))),
    Field("record", "record", maybe(DOCUMENT)),
    Field("scopes", "scopes", TEXTS),
    Field("limits", "limits", LIST),
    Field("refused_by", "refused_by", maybe(TEXT)),
    Field("retry_after", "retry_after", maybe(SECONDS)),
    Field("rotated_at", "rotated", maybe(INSTANT)),
)
REPORT = (
    Field("rows", "rows", NUMBER),
    Field("imported", "imported", NUMBER),
    Field("rejected", "rejected", NUMBER),
    Field("reasons", "reasons", COUNTS),
    Field("left_out", "ignored", COUNTS),
)
HEALTH = (Field("failed_flushes", "failed_flushes", NUMBER), Field("feeds", "feeds", LIST))
FEED = (
    Field("name", "name", TEXT),
    Field("listening", "listening", maybe(FLAG)),
    Field("since_at", "since", maybe(INSTANT)),
    Field("heard_at", "heard", maybe(INSTANT)),
    Field("trouble", "trouble", TEXT),
)
CHORES = (
    Field("seen", "seen", NUMBER),
    Field("told", "told", COUNTS),
    Field("revoked", "revoked", NUMBER),
    Field("deleted", "deleted", NUMBER),
    Field("done", "done", FLAG),
    Field("busy", "busy", FLAG),
)
PURGE = (
    Field("owner", "owner", TEXT),
    Field("revoked", "revoked", NUMBER),
    Field("deleted", "deleted", NUMBER),
)
MESSAGE = (
    Field("queue", "queue", TEXT),
    Field("id", "id", TEXT),
    Field("kind", "kind", TEXT),
    Field("owner", "owner", maybe(TEXT)),
    Field("made_at", "made", INSTANT),
    Field("due_at", "due", maybe(INSTANT)),
    Field("attempts", "attempts", NUMBER),
    Field("trouble", "trouble", TEXT),
)
