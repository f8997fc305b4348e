"""The progress of a replica, and the choice of the server that answers a check.

No server's clock is trusted. Now and then a look-up asks the primary, together with its position in the log of changes.
A server that has replayed this position shows every change committed at that time. Each answer of the replica has its
own position, so its greatest age is known. The primary is asked if the answer is too old, or missing, or if the replica
cannot answer.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from collections import deque
from typing import Any

from secretsource.exceptions import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource._ground.flow import Flow

POSITION = (
    "(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_insert_lsn() END)::pg_catalog.text"
)
"""The position up to which a server shows changes; the same query works on a promoted replica and on any primary."""

_MARKS = 4
"""Greatest number of marks within the bound."""


class Progress:
    """The known progress of a replica. Time is an argument, in monotonic seconds.

    Args:
        lag: Seconds by which it may lag behind.
    """

    def __init__(self, lag: float) -> None:
        self._lag = lag
        self._marks: deque[tuple[float, int]] = deque(maxlen=4 * _MARKS)
        self._due = self._back = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether to ask the primary for its position; a caller that receives True must ask it."""
        if now < self._due:
            return False
        self._due = now + self._lag / _MARKS
        return True

    def mark(self, now: float, position: str) -> None:
        """Note the position that the primary reported when asked at ``now``."""
        self._marks.append((now, _number(position)))

    def shows(self, position: str, now: float) -> bool:
        """Return whether a replica at a position shows every change committed up to ``lag`` seconds ago."""
        reached, oldest = _number(position), now - self._lag
        return any(asked >= oldest and reached >= needed for asked, needed in list(self._marks))

    def fail(self, now: float) -> None:
        """Note that the replica could not answer: it is not asked again for ``lag`` seconds."""
        self._back = now + self._lag

    def is_back(self, now: float) -> bool:
        """Return whether the replica is asked."""
        return now >= self._back


def look_up(
    progress: Progress, primary: Callable[[], Any], replica: Callable[[], Any], now: Callable[[], float]
) -> Flow[Any]:
    """Return the row that answers a check, without the position at its end.

    Args:
        progress: The known progress of the replica.
        primary: Asks the primary for a row, whose last cell is its position, or None.
        replica: Asks the replica.
        now: Reads the clock, in monotonic seconds.

    Raises:
        StoreError: The primary could not answer, and the replica is not recent enough.
    """
    began = now()
    if progress.is_due(began):
        try:
            row = yield primary()
        except StoreError:
            pass  # the replica may show enough for a while
        else:
            if row is not None:
                progress.mark(began, row[-1])
            return row and row[:-1]
    if progress.is_back(began):
        try:
            row = yield replica()
        except StoreError:
            progress.fail(now())
        else:
            if row is not None and progress.shows(row[-1], began):
                return row[:-1]
    row = yield primary()
    return row and row[:-1]


def _number(position: str) -> int:
    """Return a position in the log, such as ``0/3000148``, as a number."""
    high, _, low = position.partition("/")
    return (int(high, 16) << 32) | int(low, 16)
