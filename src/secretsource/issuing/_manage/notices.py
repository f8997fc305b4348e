"""Notices: events that tell something about a key once, and change nothing that the key may do. Pure.

A notice is stored like every change: the record, one revision further, and its event in one transaction. The record
remembers the instant that each kind of notice was about. So of any number of processes, one tells.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource.issuing._check.noting.reuses import EVERY, ended_by_rotation
from secretsource.issuing._key import lifecycle
from secretsource.stores.base import EventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Change, KeyRecord

__all__ = ["notice", "reuse"]


def notice(record: KeyRecord, kind: EventKind, about: float, now: float, by: By) -> Change:
    """Return a record that remembers a notice, and the event that is the notice.

    Args:
        record: The record as stored.
        kind: The kind of notice.
        about: The instant that the notice is about, such as the end of the key, in seconds since 1970 UTC.
        now: The present, in seconds since 1970 UTC.
        by: The actor, the origin and the reason.
    """
    told = record._replace(revision=record.revision + 1, notices={**record.notices, kind.value: about})
    return lifecycle.issue(told, now, by, kind)


def reuse(record: KeyRecord, at: float, by: By) -> Change | None:
    """Return the alarm that a key was used after its end through rotation.

    Args:
        record: The record as stored.
        at: The time of the use, in seconds since 1970 UTC.
        by: The origin of the use.

    Returns:
        The notice, or None if another process told of such a use within the hour before.
    """
    last = record.notices.get(EventKind.REUSED.value)
    if not ended_by_rotation(record, at) or (last is not None and at < last + EVERY):
        return None
    return notice(record, EventKind.REUSED, at, at, by)
