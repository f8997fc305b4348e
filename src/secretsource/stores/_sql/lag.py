"""How far a replica has come, and so which server a check is answered by.

No clock of a server is believed. Now and then a look-up is asked of the primary, together with its position in the
log of changes: what has replayed that position shows all that was committed when it was asked. Each answer of the
replica comes with its own position, so that it is known how old it may be. What is too old, what the replica does not
have, and what it cannot answer is asked of the primary.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from collections import deque
from typing import Any

from secretsource.exceptions import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource._flow import Flow

POSITION = (
    "(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_insert_lsn() END)::pg_catalog.text"
)
"""Up to where a server shows changes; of a replica that was promoted, as of any primary."""

_MARKS = 4
"""Marks within the bound."""


class Progress:
    """What is known of how far a replica has come; time is an argument, in monotonic seconds.

    Args:
        lag: Seconds by which it may lag behind.
    """

    def __init__(self, lag: float) -> None:
        self._lag = lag
        self._marks: deque[tuple[float, int]] = deque(maxlen=4 * _MARKS)
        self._due = self._back = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether the primary is to be asked for its position; who hears that it is asks."""
        if now < self._due:
            return False
        self._due = now + self._lag / _MARKS
        return True

    def mark(self, now: float, position: str) -> None:
        """Note the position that the primary told when it was asked at ``now``."""
        self._marks.append((now, _number(position)))

    def shows(self, position: str, now: float) -> bool:
        """Whether a replica at a position shows all that was committed up to ``lag`` seconds ago."""
        reached, oldest = _number(position), now - self._lag
        return any(asked >= oldest and reached >= needed for asked, needed in list(self._marks))

    def fail(self, now: float) -> None:
        """Note that the replica could not answer: it is left alone for as long as it may lag behind."""
        self._back = now + self._lag

    def is_back(self, now: float) -> bool:
        """Whether the replica is asked."""
        return now >= self._back


def look_up(
    progress: Progress, primary: Callable[[], Any], replica: Callable[[], Any], now: Callable[[], float]
) -> Flow[Any]:
    """The row that a check is answered with, without the position at its end.

    Args:
        progress: What is known of the replica.
        primary: Asks the primary for a row, whose last cell is its position, or None.
        replica: Asks the replica.
        now: Reads the clock, in monotonic seconds.

    Raises:
        StoreError: The primary could not answer, and the replica does not show enough.
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
    """A position in the log, such as ``0/3000148``, as a number."""
    high, _, low = position.partition("/")
    return (int(high, 16) << 32) | int(low, 16)
