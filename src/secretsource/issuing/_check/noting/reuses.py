"""The uses of keys that had ended through rotation: noted in memory, so that a check writes nothing.

Such a use is an alarm: a program was forgotten, or the old key was stolen. The next flush writes it into the history.
"""

from __future__ import annotations

from secretsource._ground import fork
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.clock import Instant
    from secretsource.stores.base import KeyRecord

__all__ = ["EVERY", "Reuse", "Reuses", "ended_by_rotation"]

EVERY = 3600.0
"""Seconds between two events of one key."""
MOST = 10_000
"""Keys that are remembered, and alarms that wait for a store which is down."""
_NEVER = float("-inf")


class Reuse(NamedTuple):
    """The first use of an ended key within an hour.

    Attributes:
        key_id: The key.
        at: The time of the use, in seconds since 1970 UTC.
        origin: The address of the client, if it was given.
    """

    key_id: str
    at: float
    origin: str | None


def ended_by_rotation(record: KeyRecord, now: float) -> bool:
    """Return whether a key was rotated, and has ended by an instant."""
    return record.successor is not None and record.has_ended(now)


class Reuses:
    """The uses that wait for a flush, at most one an hour for each key; for any number of threads."""

    __slots__ = ("__weakref__", "_quiet", "_waiting")

    def __init__(self) -> None:
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start again in a forked child: the parent writes what was noted before."""
        self._quiet: dict[str, float] = {}
        self._waiting: dict[str, Reuse] = {}

    def note(self, record: KeyRecord, now: Instant, origin: str | None) -> None:
        """Note a key that was refused, if it ended through rotation and was not noted within the last hour."""
        key_id, quiet, waiting = record.key_id, self._quiet, self._waiting
        if not ended_by_rotation(record, now.wall) or now.mono < quiet.get(key_id, _NEVER):
            return
        if len(quiet) >= MOST:
            quiet.clear()
        quiet[key_id] = now.mono + EVERY
        if len(waiting) < MOST:
            waiting[key_id] = Reuse(key_id, now.wall, origin)

    def waiting(self) -> list[Reuse]:
        """Return the uses that are not written yet."""
        return list(self._waiting.values())

    def written(self, reuse: Reuse) -> None:
        """Forget a use that is written, or that another process has told of."""
        waiting, key_id = self._waiting, reuse.key_id
        if key_id in waiting and waiting[key_id] is reuse:
            del waiting[key_id]
