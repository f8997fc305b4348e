"""Writing the uses of ended keys into the history: with each flush, after the uses of good keys."""

from __future__ import annotations

from secretsource.issuing._key.lifecycle import By
from secretsource.issuing._manage import notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.noting.reuses import Reuse
    from secretsource.issuing._check.parts import Parts
    from secretsource.stores.base import KeyRecord

__all__ = ["raise_alarms"]

_ATTEMPTS = 8


def raise_alarms(parts: Parts) -> Flow[list[KeyRecord]]:
    """Write the uses that wait; what the store does not take waits for the next flush.

    Returns:
        The records that changed, to be announced.
    """
    reuses = parts.uses.reuses
    changed: list[KeyRecord] = []
    for reuse in reuses.waiting():
        record = yield from _raise_alarm(parts, reuse)
        reuses.written(reuse)
        if record is not None:
            changed.append(record)
    return changed


def _raise_alarm(parts: Parts, reuse: Reuse) -> Flow[KeyRecord | None]:
    """Write one use, unless another process was quicker; return the changed record."""
    for _ in range(_ATTEMPTS):
        record: KeyRecord | None = yield parts.store.get(reuse.key_id)
        change = None if record is None else notices.reuse(record, reuse.at, By(origin=reuse.origin))
        if change is None:
            return None
        stored: bool = yield parts.store.update(change)
        if stored:
            return change.record
    return None
